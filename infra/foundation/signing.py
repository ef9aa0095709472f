"""The KMS keys that sign the manifests and the verifications of backups."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.foundation.removal import KEPT


class SigningKeys(Construct):
    """Two HMAC keys. KMS never reveals them, so a signature can be made and verified by its calls only.

    State machines sign; see ``infra.workflow.signatures``. Two keys, so that who signs verifications signs no manifests.
    KMS does not rotate HMAC keys. Without the keys, backups count as unsigned: they are retained as the backups are.
    """

    def __init__(self, scope: Construct, id: str, *, keep: bool) -> None:
        """``keep``: retain the keys when the stack is deleted."""
        super().__init__(scope, id)
        self._removal = KEPT if keep else RemovalPolicy.DESTROY
        self.manifests = self._key("Manifests", "Signs the manifests of backups")
        self.verifications = self._key("Verifications", "Signs the verifications of backups")

    def _key(self, name: str, description: str) -> kms.Key:
        return kms.Key(
            self,
            name,
            description=f"Data Forge: {description[0].lower()}{description[1:]}",
            key_spec=kms.KeySpec.HMAC_256,
            key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
            removal_policy=self._removal,
        )

    def allow_verify(self, function: lambda_.Function) -> None:
        """Verify signatures by both keys, outside the VPC."""
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["kms:VerifyMac"],
                resources=[self.manifests.key_arn, self.verifications.key_arn],
            )
        )
