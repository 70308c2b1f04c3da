"""What happened: rows of a match as facts in football terms. Pure; knows nothing of callers."""
