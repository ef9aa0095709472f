"""The CDK app: ``python -m infra.app``, the command in cdk.json."""

from __future__ import annotations

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from dataforge.errors import InvalidDeclaration

try:
    from infra.settings import SettingsError, read_settings
    from infra.stack import DataForge
except InvalidDeclaration as error:
    # These modules import the datasets. An invalid declaration ends with a message, not with a traceback.
    sys.stderr.write(f"{error}\n")
    sys.exit(2)


def build(app: App) -> DataForge:
    """Return the stack for the app's context. A finding of cdk-nag that is not acknowledged ends the synthesis."""
    stack = DataForge(app, read_settings(app.node.get_all_context()))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesize. Exits with code 2 and a message for an invalid setting or declaration."""
    app = App()
    try:
        build(app)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    app.synth()


if __name__ == "__main__":
    main()
