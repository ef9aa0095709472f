"""The parts of a written module: names, docstrings, comments, columns, and what tables share."""
