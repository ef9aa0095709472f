"""``python -m dataforge_cli`` is ``dataforge``."""

import sys

from dataforge.errors import InvalidDeclaration

try:
    from dataforge_cli.main import app
except InvalidDeclaration as error:
    # The commands import the datasets, one of which declares what cannot work: a wrong call, and not a traceback.
    sys.stderr.write(f"error: {error}\n")
    sys.exit(2)

app(prog_name="dataforge")
