"""The datasets: one module each, named like the PostgreSQL schema that it declares. A new module needs no registration."""
