"""Ways to take work: RunPod's job queue."""
