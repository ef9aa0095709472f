"""Workflow: what all state machines have in common."""
