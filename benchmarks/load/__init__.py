"""What the worker carries under load, beside raw `vllm serve`: `make load`."""
