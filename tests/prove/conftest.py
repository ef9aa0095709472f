"""What `make prove` runs and `make test` does not: proofs that take minutes.

Upgrades from older versions, rollbacks of deployments, other PostgreSQL versions, mutations, all types at full depth.
All of it together stays under 60 minutes on two cores.

- A test belongs here if it alone takes more than about ten seconds; everything else belongs into the other folders.
- Tests run one after another, in one process: a test may start an embedded cloud of its own
  (`local.cloud.running(Config(...))` with a state folder in `tmp_path` and ports from `free_port`).
- A file is one proof, and its docstring says what is proven. `make prove ARGS=tests/prove/test_x.py` runs one.
- Names are facts, as everywhere: `test_upgrade_keeps_every_row`.
"""
