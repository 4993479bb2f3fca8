"""Conversations played to a server, so that what it answers can be learnt."""
