"""Looking for a failing conversation, and making what was found small."""
