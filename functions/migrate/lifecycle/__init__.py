"""Begin and resume a run."""
