"""Store the rejections of a run: rows in the ledger up to its limits, the others in the report bucket."""
