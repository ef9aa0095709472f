"""Earlier versions to upgrade from, and the resources that an upgrade must keep."""

import os
from dataclasses import dataclass
from pathlib import Path

EARLIEST = "a6f090d130732ff9430af394677dd62464d28fe9"
"""The first commit whose deployments can be upgraded."""
BEFORE_FOLDERS = "c21d15ed93053279edf8fde14c3f5b8ec1b30ae8"
"""The last commit before files were moved into folders by capability."""
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
"""Types of resources that contain data, or whose address or name is used outside the stack."""


@dataclass(frozen=True)
class Tree:
    """The files of one version."""

    folder: Path

    @property
    def python_path(self) -> str:
        """PYTHONPATH for this version's packages, which take precedence over those that the environment links to."""
        return os.pathsep.join(str(self.folder / part) for part in ("", "layers/common/python", "cli"))
