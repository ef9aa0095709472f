"""Settings of the bastion that its template and the command line share."""

from __future__ import annotations

USER = "ec2-user"
"""The user of Amazon Linux."""

TUNNEL_SECONDS = 3600
"""The maximum of EC2 Instance Connect."""
