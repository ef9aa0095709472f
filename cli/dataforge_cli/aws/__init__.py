"""Access to a deployment: AWS clients, state machines, the HTTP API and the tunnel."""
