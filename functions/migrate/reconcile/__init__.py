"""Reconcile step: source and target agree row by row."""
