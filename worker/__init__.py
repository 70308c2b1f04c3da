"""A RunPod Serverless worker that turns football event data into spoken-style Korean commentary."""

__version__ = "0.1.0"
