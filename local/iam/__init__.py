"""Evaluation of IAM policies as on AWS, within one account. Pure: it depends on no emulator and no network."""
