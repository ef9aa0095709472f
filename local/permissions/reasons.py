"""Granted actions that the end-to-end tests do not use, with the reason to grant them.

The keys are patterns of the construct that has the policy and of the action.
"""

REASONS: dict[tuple[str, str], str] = {
    ("*Role", "ec2:DescribeSubnets"): "Lambda connects a function to the VPC; the emulator has no interfaces",
    ("*Role", "ec2:AssignPrivateIpAddresses"): "the same",
    ("*Role", "ec2:UnassignPrivateIpAddresses"): "the same",
    ("*Role", "xray:PutTelemetryRecords"): "the X-Ray daemon of Lambda reports; traces are not emulated",
    ("*MachineRole", "xray:*"): "Step Functions sends traces; traces are not emulated",
    ("*", "s3:AbortMultipartUpload"): "the clean-up of an upload in parts that failed",
    ("*MachineRole", "s3:ListMultipartUploadParts"): "CDK's permissions of a ResultWriter, for large results",
    ("*MachineRole", "states:StopExecution"): "Step Functions stops the children of a Distributed Map",
    (
        "*MachineRole",
        "states:RedriveExecution",
    ): "an operator redrives a failed Distributed Map in the console",
    (
        "*MachineRole",
        "states:DescribeExecution",
    ): "Step Functions follows children; a run checks that the owner of a lease still runs",
    ("*Role", "secretsmanager:DescribeSecret"): "CDK's permissions to read a secret",
    ("StorageLogs", "s3:*"): "S3's access logs and the flow log; the emulator writes neither",
    ("MonitoringAlarms", "sns:Publish"): "alarms; the emulator has no metrics that raise one",
    ("*DeadLetters", "sqs:SendMessage"): "EventBridge could not deliver an event",
}

SURVIVORS: dict[tuple[str, str], str] = {}
"""Statements without which every decision is the same: patterns of the owner, the statement's ``Sid``, and the reason."""
