"""The guard, measured: scenes, the lines that are told of them, and the lies."""
