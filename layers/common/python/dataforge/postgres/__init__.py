"""PostgreSQL: connections, roles, DDL, snapshots and shadow tables."""
