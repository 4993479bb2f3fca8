"""Conversations out of captures: packet files, their link layers, streams put together again."""
