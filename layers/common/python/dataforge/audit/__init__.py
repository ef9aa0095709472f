"""The audit: who changed or took out data, and who was refused, in one append-only table and one log line each."""
