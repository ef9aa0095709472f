"""What upgrades are proven with: a version's whole tree, run beside this version's, and what must outlive an upgrade."""

import os
from dataclasses import dataclass
from pathlib import Path

STATEFUL = {
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}
"""Types of resources that hold data, or an address or a name that others have written down."""


@dataclass(frozen=True)
class Tree:
    """A version's whole tree."""

    folder: Path

    @property
    def python_path(self) -> str:
        """Makes an interpreter import this version's packages, whatever its environment links to."""
        return os.pathsep.join(str(self.folder / part) for part in ("", "layers/common/python", "cli"))
