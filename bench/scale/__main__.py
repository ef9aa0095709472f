"""Print the tables of docs/scale.md: `python -m bench.scale`."""

from bench.scale.tables import limits, plans, quarter_hour, replays, sources

print("\n\n".join((plans(), limits(), quarter_hour(), sources(), replays())))
