"""``python -m dataforge_cli`` is ``dataforge``."""

from dataforge_cli.main import app

app(prog_name="dataforge")
