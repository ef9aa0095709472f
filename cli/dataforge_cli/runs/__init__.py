"""Runs: starting, following and describing executions."""
