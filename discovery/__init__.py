"""Discover how a team's files are written and what they hold: dialects, types, keys and references."""
