"""Quality of delivered tables: facts, reports, rules and metrics."""
