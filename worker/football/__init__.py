"""What happened: rows of a match as facts in football terms. Pure; imports nothing of its callers."""
