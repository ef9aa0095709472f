"""Compare the deployed policies with the recorded calls: permissions that no call needed, and statements without effect."""
