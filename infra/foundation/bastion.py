"""The bastion: access to the database for users, without an open port, through EC2 Instance Connect.

An endpoint of EC2 Instance Connect is free. It forwards TCP connections that IAM authorizes, only to port 22 of
an instance in the isolated subnets. The instance forwards them to PostgreSQL. It stops when no user is connected, and then
only its disk is charged.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge.aws.bastion import TUNNEL_SECONDS, USER
from dataforge.postgres.roles import ANALYST
from infra.foundation.acknowledge import acknowledge
from infra.foundation.database import Database
from infra.foundation.network import Network
from infra.settings import Settings

SSH = ec2.Port.tcp(22)
DISK_GIGABYTES = 8

STOP_WHEN_IDLE = """
cat > /usr/local/bin/stop-when-idle <<'EOF'
#!/bin/sh
# Stop if no connection existed at two checks, ten minutes apart.
if ss -Htn state established '( sport = :22 )' | grep -q .; then rm -f /run/idle; exit 0; fi
if [ -e /run/idle ]; then systemctl poweroff; else touch /run/idle; fi
EOF
chmod 755 /usr/local/bin/stop-when-idle
cat > /etc/systemd/system/stop-when-idle.service <<'EOF'
[Service]
Type=oneshot
ExecStart=/usr/local/bin/stop-when-idle
EOF
cat > /etc/systemd/system/stop-when-idle.timer <<'EOF'
[Timer]
OnBootSec=10min
OnUnitActiveSec=10min
[Install]
WantedBy=timers.target
EOF
systemctl enable --now stop-when-idle.timer
"""


class Bastion(Construct):
    """Instance, endpoint, and a policy to use both. Created only with the setting ``bastion``."""

    def __init__(
        self, scope: Construct, id: str, *, settings: Settings, network: Network, database: Database
    ) -> None:
        super().__init__(scope, id)
        self.group = self._group("Group", network, "Bastion; only the endpoint comes in")
        endpoint_group = self._group("EndpointGroup", network, "Endpoint of EC2 Instance Connect")
        self.group.connections.allow_from(endpoint_group, SSH, "SSH from the endpoint")
        self.instance = self._instance(network, self.group)
        self.endpoint = ec2.CfnInstanceConnectEndpoint(
            self,
            "Endpoint",
            subnet_id=network.vpc.select_subnets(subnet_type=network.subnets.subnet_type).subnet_ids[0],
            security_group_ids=[endpoint_group.security_group_id],
            preserve_client_ip=False,
        )
        self.policy = self._policy()
        self._output(settings, database)

    def _group(self, id: str, network: Network, description: str) -> ec2.SecurityGroup:
        """Create a group without egress. EC2 would add a rule that allows all egress to a group without rules."""
        group = ec2.SecurityGroup(
            self, id, vpc=network.vpc, description=description, allow_all_outbound=False
        )
        group.add_egress_rule(ec2.Peer.ipv4("127.0.0.1/32"), ec2.Port.all_traffic(), "Nowhere")
        return group

    def _instance(self, network: Network, group: ec2.ISecurityGroup) -> ec2.Instance:
        """Create the instance from the newest image of Amazon Linux, because it cannot update itself in isolated subnets."""
        user_data = ec2.UserData.for_linux()
        user_data.add_commands(STOP_WHEN_IDLE)
        instance = ec2.Instance(
            self,
            "Instance",
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            instance_type=ec2.InstanceType("t4g.nano"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            security_group=group,
            require_imdsv2=True,
            user_data=user_data,
            instance_initiated_shutdown_behavior=ec2.InstanceInitiatedShutdownBehavior.STOP,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        DISK_GIGABYTES, volume_type=ec2.EbsDeviceVolumeType.GP3, encrypted=True
                    ),
                )
            ],
        )
        acknowledge(instance, "It stores no data, and each deployment may replace it.", "EC28", "EC29")
        return instance

    def _policy(self) -> iam.ManagedPolicy:
        """The policy for users of the bastion, which an administrator attaches to their roles."""
        policy = iam.ManagedPolicy(
            self, "Connect", description="dataforge connect: start the bastion and read as the analyst"
        )
        stack = Stack.of(self).stack_name
        instance, endpoint = (
            self._arn("instance", self.instance.instance_id),
            self._arn("instance-connect-endpoint", self.endpoint.attr_id),
        )
        policy.add_statements(
            iam.PolicyStatement(actions=["ec2:StartInstances", "ec2:StopInstances"], resources=[instance]),
            iam.PolicyStatement(
                actions=["ec2-instance-connect:SendSSHPublicKey"],
                resources=[instance],
                conditions={"StringEquals": {"ec2:osuser": USER}},
            ),
            iam.PolicyStatement(
                actions=["ec2-instance-connect:OpenTunnel"],
                resources=[endpoint],
                conditions={
                    "NumericEquals": {"ec2-instance-connect:remotePort": "22"},
                    "NumericLessThanEquals": {"ec2-instance-connect:maxTunnelDuration": str(TUNNEL_SECONDS)},
                },
            ),
            iam.PolicyStatement(
                actions=["ec2:DescribeInstances", "ec2:DescribeInstanceConnectEndpoints"], resources=["*"]
            ),
            # The command line uses the stack's name, which IAM compares as stack/<name>/*.
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"],
                resources=[
                    Stack.of(self).format_arn(
                        service="cloudformation", resource="stack", resource_name=f"{stack}/*"
                    )
                ],
            ),
        )
        acknowledge(policy, "EC2's Describe actions have no resource.", "IAM5[Resource::*]")
        acknowledge(
            policy,
            "The stack's ARN ends with its id, or with an asterisk if it is requested by its name.",
            f"IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/{stack}/*]",
        )
        CfnOutput(Stack.of(self), "ConnectPolicyArn", value=policy.managed_policy_arn)
        return policy

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(service="ec2", resource=resource, resource_name=name)

    def _output(self, settings: Settings, database: Database) -> None:
        """Create the outputs for `dataforge connect`."""
        outputs = {
            "BastionInstance": self.instance.instance_id,
            "BastionEndpoint": self.endpoint.attr_id,
            "DatabaseHost": database.address.host,
            "DatabasePort": database.address.port,
            "DatabaseName": database.address.name,
        }
        if settings.auth == "secret":
            outputs["AnalystSecretArn"] = database.role_secrets[ANALYST].secret_arn
        for name, value in outputs.items():
            CfnOutput(Stack.of(self), name, value=value)
