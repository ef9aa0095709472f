"""Settings that are objects: the existing database and the usage plans."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Includes the six characters that Secrets Manager adds to a name: a grant on the name alone matches no secret.
COMPLETE_ARN = r"^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$"


def _parse(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


FromText = BeforeValidator(_parse)
"""For settings of other types than text, which ``cdk -c key=value`` passes as JSON."""


class Model(BaseModel):
    """Base of all settings: keys in camel case, no unknown keys, no values in errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class ExistingDatabase(Model):
    """A database that the app uses instead of creating one. Its VPC must reach S3 (a gateway endpoint is free)."""

    host: str = Field(min_length=1)
    port: int = Field(5432, ge=1, le=65535)
    name: str = Field(min_length=1)
    secret_arn: str = Field(
        pattern=COMPLETE_ARN, description="secret {username, password} of a role that may create roles"
    )
    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,}$")
    availability_zones: list[str] = Field(min_length=1)
    subnet_ids: list[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,}$")]] = Field(min_length=1)
    security_group_id: str = Field(
        pattern=r"^sg-[0-9a-f]{8,}$",
        description="the database's security group, which will admit the functions",
    )
    resource_id: str | None = Field(
        None, pattern=r"^(db|cluster)-", description="RDS's DbiResourceId, to grant rds-db:connect on"
    )


class UsagePlan(Model):
    """The limits of each key of one kind. Requests beyond them receive status 429."""

    rate: float = Field(100, gt=0, le=10_000, description="sustained requests per second")
    burst: int = Field(200, ge=1, le=5_000, description="concurrent requests")
    daily_requests: int = Field(1_000_000, ge=1)


class UsagePlans(Model):
    """The limits by kind of key."""

    reader: UsagePlan = UsagePlan()
    writer: UsagePlan = UsagePlan()
    operator: UsagePlan = UsagePlan()
