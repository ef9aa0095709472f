"""Variants of the settings that are checked before a release. Each has resources that no other has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXISTING = {
    "host": "db.example.com",
    "name": "shop",
    "secretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-a1b2c3",
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["eu-west-1a", "eu-west-1b"],
    "subnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "securityGroupId": "sg-0123456789abcdef0",
    "resourceId": "db-ABCDEFGHIJKLMNOP",
}
OPTIONS: Mapping[str, Any] = {
    "alarmEmail": "ops@example.com",
    "backupLockDays": 14,
    "glueDatabase": "lake",
    "instanceClass": "m7g.xlarge",
    "restoreApi": True,
    "bastion": True,
    "tags": {"Team": "data"},
}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {},
    "prod": {"stage": "prod"},
    "secret": {"auth": "secret"},
    "existing": {"existingDatabase": EXISTING},
    "options": {"stage": "prod", **OPTIONS},
    "local": {"target": "local"},
}
