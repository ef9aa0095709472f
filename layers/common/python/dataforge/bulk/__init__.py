"""Bulk processing of whole columns with Arrow.

The row model defines all rules. This package detects values that are certainly canonical, validates each other distinct
value once with the row model, and passes all remaining rows to ``dataforge.records.validate``.
"""
