"""The network: isolated subnets from which only the database and the stack's buckets can be reached."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Annotations, Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.foundation.removal import retain
from infra.settings import ExistingDatabase


class Network(Construct):
    """The network of the functions that connect to PostgreSQL.

    It has no NAT, no internet gateway, and by default no interface endpoint: functions sign IAM database tokens
    locally, reach S3 through the free gateway endpoint, and Lambda transports logs, metrics and traces.
    docs/costs.md states the savings. With an existing database the network is that database's VPC, whose routes are
    managed by its owner.
    """

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    functions: ec2.SecurityGroup

    def __init__(self, scope: Construct, id: str, *, existing: ExistingDatabase | None = None) -> None:
        super().__init__(scope, id)
        self._endpoint: ec2.GatewayVpcEndpoint | None = None
        self.vpc = self._adopt(existing) if existing else self._create()
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        self.functions = self._functions_group()

    def _create(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            # RDS requires subnets in two zones.
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
            # Restricting the default security group requires a custom resource with EC2 permissions. The group is unused.
            restrict_default_security_group=False,
        )
        self._endpoint = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        return vpc

    def retain(self) -> None:
        """Retain the VPC and its subnets, which a retained database needs."""
        retain(self.vpc, ("AWS::EC2::VPC", "AWS::EC2::Subnet"))

    def _adopt(self, existing: ExistingDatabase) -> ec2.IVpc:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=existing.vpc_id,
            availability_zones=existing.availability_zones,
            isolated_subnet_ids=existing.subnet_ids,
        )
        Annotations.of(vpc).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "No route is added to an existing network."
        )
        return vpc

    def _functions_group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            description="Functions that speak to PostgreSQL",
            allow_all_outbound=False,
        )
        # The id of S3's prefix list differs by region. The route table has no other destination for port 443.
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3 through the gateway endpoint")
        return group

    def open_to_buckets(self, buckets: Sequence[s3.IBucket]) -> None:
        """Restrict the S3 endpoint to these buckets and to this account's roles.

        A compromised function then cannot send data to a bucket of another account.
        """
        if self._endpoint is None:
            return
        self._endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=[
                    "s3:GetObject*",
                    "s3:PutObject*",
                    "s3:DeleteObject*",
                    "s3:ListBucket*",
                    "s3:AbortMultipartUpload",
                ],
                resources=[
                    arn for bucket in buckets for arn in (bucket.bucket_arn, bucket.arn_for_objects("*"))
                ],
                conditions={
                    "StringEquals": {
                        "aws:PrincipalAccount": Aws.ACCOUNT_ID,
                        "aws:ResourceAccount": Aws.ACCOUNT_ID,
                    }
                },
            )
        )

    def open_to_secrets(self) -> None:
        """Create an interface endpoint for secrets. It is charged, so it is optional."""
        if self._endpoint is None:
            return
        group = ec2.SecurityGroup(
            self,
            "SecretsGroup",
            vpc=self.vpc,
            description="Endpoint of Secrets Manager; only the functions come in",
            allow_all_outbound=False,
        )
        endpoint = self.vpc.add_interface_endpoint(
            "Secrets",
            service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            subnets=self.subnets,
            security_groups=[group],
            open=False,
        )
        endpoint.connections.allow_default_port_from(self.functions, "Secrets Manager from the functions")

    def record_rejected(self, bucket: s3.IBucket) -> None:
        """Write a flow log of rejected traffic to ``bucket``: in an isolated network it indicates a fault or an attack."""
        if self._endpoint is not None:
            self.vpc.add_flow_log(
                "Rejected",
                destination=ec2.FlowLogDestination.to_s3(bucket, "vpc/"),
                traffic_type=ec2.FlowLogTrafficType.REJECT,
            )
