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
    ("DeliverQualityWatch*", "*"): "a rule runs the function each hour, and the tests take minutes",
    ("SchemaUpkeepMachineEvents*", "*"): "a rule starts the upkeep each day",
    (
        "SchemaSchemaKeeperRole",
        "states:StartExecution",
    ): "the upkeep after a change that a deployment leaves to it",
    ("SchemaSchemaKeeperRole", "cloudformation:DescribeStacks"): "whether a rollback calls, after a failure",
    ("ApiRestCloudWatch*", "*"): "the access log of API Gateway, which the emulator does not write",
    ("People*.Trust", "sts:AssumeRole"): "the administrator assumes the roles; its calls are not recorded",
    ("People*", "cloudformation:DescribeStacks"): "outputs on AWS; the embedded cloud has them in a file",
    ("People*", "states:ListMapRuns"): "shown while a run with a Distributed Map waits for retries",
    ("PeopleViewer*", "states:GetExecutionHistory"): "the progress of a run, as the operator reads it",
    ("PeopleOperator*", "s3:DeleteObject"): "dataforge files --remove",
    ("BackupBackupControlRole", "s3:DeleteObject"): "the retention of backups after days",
    ("*WorkRole", "s3:ListBucket"): "a missing object is NoSuchKey, and not AccessDenied",
    ("MigrationMigrateLoadRole", "s3:ListBucket"): "the same",
    ("ExportExportWorkRole", "s3:GetObject"): "an export whose rows are those of a backup",
    ("IngestIngestRole", "s3:GetObject*"): "rejected records beyond the budget are in S3",
    ("MigrationMigrateControlRole", "s3:GetObjectVersion"): "a replay of records beyond the budget",
    ("OperationsOperationsRole", "s3:GetObjectVersion"): "an export that refers to the files of a backup",
    (
        "MigrationMigrateControlRole",
        "s3:GetObject",
    ): "errors of failed items, rejected records beyond the budget",
    ("*MachineRole", "s3:putObject"): "within CDK's permissions of a ResultWriter, which CDK may narrow",
    (
        "DeploymentDeploymentGuardRole",
        "cloudformation:DescribeStacks",
    ): "an instance that exists before the stack",
    ("NetworkVpcS3", "s3:DeleteObject*"): "the retention of backups after days",
    ("StorageLogs", "s3:*"): "S3's access logs and the flow log; the emulator writes neither",
    ("*DeadLetters", "sqs:SendMessage"): "EventBridge could not deliver an event",
}

SURVIVORS: dict[tuple[str, str], str] = {}
"""Statements without which every decision is the same: patterns of the owner, the statement's ``Sid``, and the reason."""
