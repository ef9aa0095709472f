"""Data Forge's shared layer: what a row is, how it is checked, stored and counted."""
