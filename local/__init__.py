"""The embedded cloud: PostgreSQL and an AWS emulator, both from pip, with the real CDK app deployed to them."""
