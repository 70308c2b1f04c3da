"""What can go wrong while building."""


class BuildError(Exception):
    """Something a person must change before it can be built, in one sentence."""
