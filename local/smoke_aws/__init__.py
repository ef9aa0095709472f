"""Test on an AWS account what a laptop cannot test: deploy, migrate, ingest, back up, restore, refuse, destroy."""
