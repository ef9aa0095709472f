"""Bytecode in the assets of functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.foundation import bytecode
from infra.foundation.own_code import OwnCode

UNKNOWN = "3.99"


def printed(folder: Path) -> str:
    command = [
        sys.executable,
        "-I",
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import module",
        str(folder),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_function_imports_the_bytecode_of_a_module_with_another_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "module.py").write_text("print(1)\n")
    (source / "broken.py").write_text("print(\n")
    built = tmp_path / "built"
    OwnCode((("code", source),), bytecode.running()).build(built)
    (built / "code" / "module.py").write_text("print(2)\n")
    assert printed(built / "code") == "1\n"


def test_without_an_interpreter_of_the_version_the_modules_are_not_compiled(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("print(1)\n")
    bytecode.compile_modules(tmp_path, UNKNOWN)
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]
    assert bytecode.state(UNKNOWN) == "" != bytecode.state(bytecode.running())


def test_hash_of_code_depends_on_the_files_that_the_asset_contains_and_on_no_others(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("print(1)\n")
    own = OwnCode((("code", tmp_path),), bytecode.running())
    before = own.fingerprint()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "module.cpython-313.pyc").write_bytes(b"other")
    (tmp_path / ".notes").write_text("other")
    assert own.fingerprint() == before
    (tmp_path / "module.py").write_text("print(2)\n")
    assert own.fingerprint() != before
