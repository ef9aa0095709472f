"""Make the packages of the clone importable in .venv, and the command `dataforge` callable.

They are imported from their folders, as on Lambda, and not installed, so an edit takes effect immediately.
"""

import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT, ROOT / "layers" / "common" / "python", ROOT / "cli")
COMMAND = """#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -P -m dataforge_cli "$@"
"""

if __name__ == "__main__":
    paths = Path(sysconfig.get_path("purelib"), "data_forge.pth")
    paths.write_text("".join(f"{folder}\n" for folder in FOLDERS))
    command = Path(sysconfig.get_path("scripts"), "dataforge")
    command.write_text(COMMAND)
    command.chmod(0o755)
