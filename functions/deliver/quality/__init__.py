"""Quality of delivered tables: reports, rules and metrics."""
