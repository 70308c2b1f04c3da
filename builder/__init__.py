"""What happens before a worker runs: checkpoints, images, endpoints. `python -m builder --help`."""
