"""What a load sends: drawn or written beforehand, with the replies where they are known."""
