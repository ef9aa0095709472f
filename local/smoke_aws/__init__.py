"""What a laptop cannot prove, proved on a real AWS account: deploy, migrate, ingest, back up, restore, refuse, destroy."""
