"""From what a user typed to a protocol: names, files, settings, the class asked about itself."""
