"""deploy/Dockerfile carried out without an engine: `python -m tests.image`, as root, on Linux."""
