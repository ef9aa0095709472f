"""Monitoring: alarms and the dashboard."""
