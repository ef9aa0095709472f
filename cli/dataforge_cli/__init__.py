"""The ``dataforge`` command: a thin client of S3, Step Functions and Lambda, for AWS and for the embedded cloud."""
