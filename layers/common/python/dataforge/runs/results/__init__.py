"""The JSON results of runs: the outputs of executions, and the report of a migration.

Public: fields are only added. A field that an older deployment does not write has a default.
"""
