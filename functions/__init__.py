"""Lambda functions, one folder each; they never import one another."""
