"""Patches of ministack's S3: settings of buckets in stacks, lifecycle rules with a clock, Object Lock."""
