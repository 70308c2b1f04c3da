"""How fast the worker is, against the handler that people write today: `make bench`."""
