"""What a reply looks like, and streams judged by it."""
