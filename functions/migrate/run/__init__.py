"""Modules that the steps of a migration share: the run, its ledger, its work items."""
