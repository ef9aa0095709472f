"""The ``dataforge`` command, a client of S3, Step Functions, Lambda and the HTTP API."""
