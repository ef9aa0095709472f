"""Glue: the newest verified backup as tables for Athena, and for all that reads the Glue catalog."""
