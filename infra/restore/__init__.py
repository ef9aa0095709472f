"""Restore: its functions and its state machine."""
