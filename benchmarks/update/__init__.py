"""What a one-line change costs until the registry has it, beside an image in the usual order."""
