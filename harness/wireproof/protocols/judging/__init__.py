"""How a connection of requests and replies is judged; users never import from here."""
