"""What a server makes of its connections: beside each other, at their ends, and what they leave."""
