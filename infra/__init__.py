"""The AWS CDK app: one stack per stage."""
