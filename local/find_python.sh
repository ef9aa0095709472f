#!/bin/sh
# Print the path of a Python that can run the project (3.11 or newer, with venv), or print the reason and fail.
# PYTHON=/path/to/python takes precedence. pyenv's versions are tried last: its shims exist for every
# installed version and fail for those that are not selected in this folder.

suits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if suits "$PYTHON"; then command -v "$PYTHON"; exit 0; fi
    echo "PYTHON=$PYTHON is not a Python 3.11 or newer with the venv module." >&2
    exit 1
fi

pyenv_root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || echo "$HOME/.pyenv")}
for candidate in python3 python3.13 python3.12 python3.11 python3.14 python \
    "$pyenv_root"/versions/3.1[1-9]*/bin/python3 \
    /opt/homebrew/bin/python3 /usr/local/bin/python3; do
    if suits "$candidate"; then
        # The real interpreter, not a shim: a virtual environment must not depend on pyenv's selection of the day.
        "$candidate" -c 'import sys; print(sys._base_executable)'
        exit 0
    fi
done

echo "Data Forge needs Python 3.11 or newer, with its venv module (Debian and Ubuntu: apt install python3-venv)." >&2
echo "None was found. Install one, or name it: make PYTHON=/path/to/python3 ..." >&2
exit 1
