"""The CDK app: ``python -m infra.app``, which ``cdk`` runs as cdk.json says."""

from __future__ import annotations

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import SettingsError, read_settings
from infra.stack import DataForge


def build(app: App) -> DataForge:
    """The stack for the app's context, checked by cdk-nag: a finding without an acknowledgement ends the synthesis."""
    stack = DataForge(app, read_settings(app.node.get_all_context()))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    app = App()
    try:
        build(app)
    except SettingsError as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
