"""Migration: its functions and its state machine."""
