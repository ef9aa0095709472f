"""Reconcile step: compare source and target."""
