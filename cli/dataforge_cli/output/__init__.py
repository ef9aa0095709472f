"""Output: terminal, progress bars and tables."""
