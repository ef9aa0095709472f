"""The assets for Lambda, inspected without execution."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LIMIT = 250 * 2**20
AARCH64 = 183
# The libraries of Amazon Linux 2023, on which Lambda's Python runs.
SYSTEM = {
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libz.so.1",
}


def binaries(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def machine(binary: Path) -> int:
    return int(struct.unpack_from("<H", binary.read_bytes()[:20], 18)[0])


def needed(binary: Path) -> set[str]:
    """The libraries that an ELF file (64 bits, little endian) requires, from its dynamic section."""
    data = binary.read_bytes()
    table, size, count = struct.unpack_from("<32xQ14xHH", data)
    segments = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    loaded = [(address, offset, length) for kind, _, offset, address, _, length in segments if kind == 1]
    entries: list[tuple[int, int]] = []
    for kind, _, offset, _, _, length in segments:
        if kind == 2:
            entries = list(struct.iter_unpack("<QQ", data[offset : offset + length - length % 16]))
    names = next((value for tag, value in entries if tag == 5), 0)
    strings = next(
        (
            offset + names - address
            for address, offset, length in loaded
            if address <= names < address + length
        ),
        0,
    )
    return {
        data[strings + value : data.index(b"\0", strings + value)].decode()
        for tag, value in entries
        if tag == 1
    }


def test_layers_and_code_of_each_function_fit_into_lambda(for_lambda: dict[str, Any]) -> None:
    for packaged in for_lambda.values():
        total = sum(p.stat().st_size for folder in packaged.folders for p in folder.rglob("*") if p.is_file())
        assert total < LIMIT, f"{packaged.handler}: {total / 2**20:.0f} MiB"


@pytest.fixture(scope="module")
def layers(for_lambda: dict[str, Any]) -> list[Path]:
    return sorted({layer for packaged in for_lambda.values() for layer in packaged.layers})


def test_every_binary_is_for_arm64(layers: list[Path]) -> None:
    found = [path for layer in layers for path in binaries(layer)]
    assert len(found) > 50
    assert [path.name for path in found if machine(path) != AARCH64] == []


def test_every_extension_is_for_python_3_13(layers: list[Path]) -> None:
    extensions = [
        p.name for layer in layers for p in layer.rglob("*.so") if "cpython" in p.name or "abi3" in p.name
    ]
    assert extensions
    assert [name for name in extensions if "cpython-313-aarch64" not in name and "abi3" not in name] == []


def test_every_wheel_is_tagged_for_lambdas_interpreter_and_glibc(layers: list[Path]) -> None:
    wheels = [path for layer in layers for path in layer.glob("python/*.dist-info/WHEEL")]
    assert len(wheels) > 10
    for wheel in wheels:
        tags = [
            line.removeprefix("Tag: ").split("-")
            for line in wheel.read_text().splitlines()
            if line.startswith("Tag: ")
        ]
        interpreters = {f"{python}-{abi}" for python, abi, _ in tags}
        platforms = {platform for _, _, platform in tags}
        assert interpreters & {"cp313-cp313", "py3-none", "py2-none"} or any(
            "abi3" in i for i in interpreters
        ), wheel
        assert platforms <= {"any"} or any(p.endswith("aarch64") and "musl" not in p for p in platforms), (
            wheel
        )


def test_every_library_that_a_binary_requires_exists(for_lambda: dict[str, Any]) -> None:
    for packaged in for_lambda.values():
        found = [path for layer in packaged.layers for path in binaries(layer)]
        there = {path.name for path in found} | SYSTEM
        missing = {(path.name, library) for path in found for library in needed(path) - there}
        assert missing == set(), packaged.handler


def test_lambda_layer_does_not_contain_boto3(layers: list[Path]) -> None:
    for layer in layers:
        assert not (layer / "python" / "botocore").exists()
        assert not (layer / "python" / "urllib3").exists()
