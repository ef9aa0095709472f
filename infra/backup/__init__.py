"""Backup: its functions, state machine, schedule and metrics."""
