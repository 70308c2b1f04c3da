"""Ways to take work: RunPod's job queue, a file, HTTP."""
