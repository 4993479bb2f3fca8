"""What a server makes of the bytes of one stream."""
