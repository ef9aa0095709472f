"""Run the ``dataforge`` command: ``python -m dataforge_cli``."""

import sys

from dataforge.errors import InvalidDeclaration
from dataforge.visible import visible_line
from discovery.no_pandas import refuse_pandas

refuse_pandas()

try:
    from dataforge_cli.main import app
except InvalidDeclaration as error:
    # The commands import the datasets. An invalid declaration ends with a message and exit code 2, not with a traceback.
    sys.stderr.write(f"error: {visible_line(str(error))}\n")
    sys.exit(2)

app(prog_name="dataforge")
