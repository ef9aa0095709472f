"""HTTP API: routes, gateway responses, access log and metrics."""
