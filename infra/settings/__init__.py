"""Settings of a deployment, read from the CDK context (``cdk.json`` or ``cdk -c key=value``).

Every key has a safe default for each stage, so that ``cdk deploy`` alone creates a working ``dev``. An unknown key or an
invalid value ends the synthesis with an error that names it, so a misspelled ``backupRetentionDays`` is noticed.
"""

from infra.settings.defaults import DEFAULTS
from infra.settings.models import ExistingDatabase
from infra.settings.read import SettingsError, read_settings
from infra.settings.settings import Settings

__all__ = ["DEFAULTS", "ExistingDatabase", "Settings", "SettingsError", "read_settings"]
