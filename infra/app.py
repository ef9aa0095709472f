"""The CDK app: ``python -m infra.app``, which ``cdk`` runs as cdk.json says."""

from __future__ import annotations

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from dataforge.errors import InvalidDeclaration

try:
    from infra.settings import SettingsError, read_settings
    from infra.stack import DataForge
except InvalidDeclaration as error:
    # They import the datasets, one of which declares what cannot work: a message, and not a traceback.
    sys.stderr.write(f"{error}\n")
    sys.exit(2)


def build(app: App) -> DataForge:
    """The stack for the app's context, checked by cdk-nag: a finding without an acknowledgement ends the synthesis."""
    stack = DataForge(app, read_settings(app.node.get_all_context()))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesize. Exit code 2, and a message, for a wrong setting or declaration."""
    app = App()
    try:
        build(app)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    app.synth()


if __name__ == "__main__":
    main()
