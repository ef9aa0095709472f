"""The embedded cloud: PostgreSQL and an AWS emulator from pip, with the real CDK app deployed to them."""
