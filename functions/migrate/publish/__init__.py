"""Publish step: the rows of the shadow tables become visible to readers."""
