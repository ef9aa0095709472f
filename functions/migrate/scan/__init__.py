"""Scan step: chunks that begin and end at record boundaries."""
