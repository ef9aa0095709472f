"""Delivery: validated rows as JSON for whoever builds on them, with the quality that is proven of them."""
