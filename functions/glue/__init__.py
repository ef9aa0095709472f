"""Glue: register the newest verified backup as tables in the Glue catalog, for Athena and others."""
