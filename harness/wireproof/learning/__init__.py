"""What replies have in common: alignment, classes of spans, patterns that judge. Pure."""
