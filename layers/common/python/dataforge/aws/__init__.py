"""AWS: clients, telemetry, failures and custom resources."""
