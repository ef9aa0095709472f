"""Ingestion: batches of records over HTTP become rows in PostgreSQL."""
