"""Batches, state and worker life: everything that knows Faust, and nothing of customers or channels."""
