"""Deployment: custom resources for the database instance, its deletion protection and the watch over backups."""
