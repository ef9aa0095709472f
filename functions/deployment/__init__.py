"""What a deployment needs to know and to do beyond CloudFormation: the instance's class, leftovers, and protection."""
