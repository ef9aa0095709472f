"""What all steps of a migration share: the run, its ledger, its work items."""
