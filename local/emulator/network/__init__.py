"""The network of functions in a VPC: they reach PostgreSQL if security groups allow it, the emulator, and nothing else."""
