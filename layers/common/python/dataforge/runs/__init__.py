"""Runs of the state machines: ids, inputs, leases, and the ledger tables."""
