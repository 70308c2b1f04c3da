"""`python handler.py` is `python -m worker`: RunPod's Hub looks for a file of this name."""

import sys

from worker.__main__ import main

if __name__ == "__main__":  # vLLM spawns its engine, which imports this file again
    sys.exit(main())
