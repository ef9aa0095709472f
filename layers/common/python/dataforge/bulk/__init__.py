"""The fast path for bulk data: whole columns at a time, on Arrow.

It holds no rule of its own. It recognises values that are certainly canonical already, asks the row model about each other
distinct value once, and leaves every row it is not sure of to ``dataforge.records.validate``.
"""
