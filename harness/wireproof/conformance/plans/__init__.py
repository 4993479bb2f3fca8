"""Plans: conversations drawn whole before anything is sent, and how they are made smaller. Pure."""
