"""Delivery: validated rows as JSON, with the quality of their last migration."""
