"""Shared fixtures: a dataset with every kind of column, and valid, invalid and hostile records."""

from __future__ import annotations

import csv
import io
import re
import signal
import struct
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from types import ModuleType
from typing import Annotated, Literal

import pytest
import typer.main
import typer.testing
from botocore import session
from hypothesis import HealthCheck, settings
from pydantic import Field, StringConstraints
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from dataforge.runs.ids import FORM
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import (
    NO_NUL,
    Count,
    Double,
    HexId,
    IndexedName,
    Integer,
    Key,
    Label,
    Money,
    Ordinal,
    Text,
    Timestamp,
)
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from local import ports
from tests import memory_folder


class SharingScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist publishes no types
    """With `-n`, tests that share an expensive fixture (the cloud, or CDK's kernel and templates) run in one process.

    Other tests are distributed by file; a process that needs a PostgreSQL server starts one within seconds.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return SHARING.get(file.split("/")[1], file)


SHARING = {"e2e": "cloud", "infra": "cdk", "packaging": "cdk"}
"""Folders of tests that run in one process, with the name of the group."""

# The duration of an example is not significant on a busy machine.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")


def pytest_configure(config: pytest.Config) -> None:
    """Stop the servers that fixtures started if the run is terminated, and use a temporary folder in memory.

    SIGINT is included, because background jobs of a shell, and the programs that tests interrupt, ignore it.
    """
    in_worker = hasattr(config, "workerinput")
    if not in_worker and (folder := memory_folder.create()):
        config.add_cleanup(lambda: memory_folder.remove(folder))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def descriptions_of_services() -> Iterator[None]:
    """Cache the service descriptions, which botocore reads again for each session. This is slower than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(session.create_loader))
        yield


@pytest.fixture(scope="session", autouse=True)
def parsers_of_commands() -> Iterator[None]:
    """Cache the parser of all subcommands, which Typer's ``CliRunner`` builds again for each call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that returns a TCP port without a listener."""

    return ports.free_port


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharingScheduling:
    return SharingScheduling(config, log)


Part = tuple[tuple[str, ...], bytes]
Wide = Annotated[int, Field(ge=-(2**63), le=2**63 - 1), Clean()]
Short = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=300)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,5}$"), Clean(upper=True)]

USUAL = {
    "integer": "0 7 -3 2147483647 -2147483648 +5 007 -0 1 1.0 7.00 2147483647.0",
    "bigint": "0 -1 9223372036854775807 -9223372036854775808",
    "numeric": "0.00 12.30 99999999.99 5 .5 5. 1e2 1E-2 +1.1 -0 1.10e1 00.5",
    "double": "-23.5 0 -0.0 1e-5 0.0001 5e-324 89.99999999999999 1e1 -46.63915909999999",
    "timestamp": "2016-02-29T00:00 2000-02-29 0001-01-01 9999-12-31T23:59:59.999999 2018-01-01t10:00:00.100",
    "boolean": "true false 1 0 yes F",
    "date": "2016-02-29 2000-02-30 0001-01-01 9999-12-31 2018-1-1 20180131 2018-01-31T00:00:00",
    "interval": "25:10:00 00:00:00 -01:00 P1DT2H 1:26.572 36:00 x",
    "text": "São a SP sp 12345 delivered boleto e\u0301 😀",
}


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


STRANGE = [
    *("", " ", "\t", "\u00a0", "\u3000\u2003", "\x85", "\x1c", "\u200b", "\ufeff", "\ufeffx", "NULL", "\\N"),
    *('"', '""', "\\.", "\\", "\\\\", "(", ")", "a,b", ",", "'", "a\nb", "\r\n", "a\rb", "\r", "\v", "a\fb"),
    *(
        "\0",
        "a\0b",
        "é",
        "\ud7ff",
        "\uffff",
        "\U0010ffff",
        "x" * 201,
        "ã" * 1301,
        "ã" * 1300,
        "ß",
        "ı",
        "ſp",
        "Sp",
        "ABCDEF00" * 4,
    ),
    *("9" * 4500, "9" * 400, "f" * 31, "2018-02-29 10:00:00", "1900-02-29 00:00:00", "2018-01-01 24:00:00"),
    *("2018-01-01 23:59:60", "2018-01-01 10:00:00.1234567", "2018-1-1 1:00", "2018-01-01 10:00:00-03:00"),
]
STRANGE += words("""
1_000 ١٢ 1.0 7.00 -3.000 +5.0 7. .0 1.50 1.0e0
2147483648 -2147483649 9223372036854775808 1,5 0x10 --1 NaN -nan Infinity inf 1e400 1e-400 1e99999
0e99999 0e-99999 1e999999 1.005 100000000 99999999.995 12345678.9 0.000 1e-3 -1 . e5 1e 5e-325 1e5 1e15 1e16 1e22
1000000000000000.5 123456789012345.6 0.30000000000000004 2.5000 100000.5 90.00000000000001 180.1 -90 -0.01
1.7976931348623157e308 2.2250738585072014e-308 0.00001234 2018-04-31 2018-13-01 2018-00-10 0000-01-01 10000-01-01
2018-01-01T10:00:00Z 1514764800 2018-01-01T10:00:00.000000 2018-01-01Z
""")
BLANKS = ["", "", "", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\x1f"]
BYTES = [b'"', b"\xff", b"\xe3", b"\xed\xa0\x80", b",", b"\r", b"\n", b"\0", b'x"', b'",', b"\xef\xbb\xbf"]
LINE_ENDS = [*[b"\n"] * 6, b"\r\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\n\r\r\n", b"\r"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Replace ids of runs, which contain the current time, because `-n` requires the same test ids in every process."""
    return argname if isinstance(val, str) and FORM.fullmatch(val) else None


@pytest.fixture(scope="session")
def kitchen() -> Dataset:
    """A dataset with three tables: every type of column, no key, and a single column."""

    class Everything(Row, table="everything", file="everything.csv"):
        """One column of each kind."""

        note: Text | None = None
        item: Annotated[Label, Key()]
        number: Annotated[Integer, Key()]
        wide: Wide | None = None
        count: Count | None = None
        ordinal: Ordinal | None = None
        price: Money
        size: Double | None = None
        moment: Timestamp
        flag: Annotated[bool, Clean()] | None = None
        Gültige_Erststimmen_ohne_Überhang_und_Ausgleich__eines_Landes: HexId | None = None  # noqa: PLC2401  63 bytes
        code: Code
        kind: Annotated[Literal["boleto", "delivered"], Clean()] | None = None
        Select: Literal["a", "SP"] | None = None

    class Point(Row, table="Points §", file="points.csv", distinct=True):
        """A table whose key is the whole row."""

        place: Short
        size: Double

    class Word(Row, table="words", file="words.csv"):
        """A single column."""

        word: Annotated[IndexedName, Key()]

    module = ModuleType("kitchen")
    vars(module).update({"Everything": Everything, "Point": Point, "Word": Word})
    return read_dataset(module)


def text(random: Random, longest: int) -> str:
    """Characters of all planes, with special ones more frequent."""
    ranges = [
        (32, 126),
        (32, 47),
        (9, 13),
        (0x80, 0x17F),
        (0x300, 0x36F),
        (0x2000, 0x206F),
        (0x1F600, 0x1F64F),
    ]
    return "".join(chr(random.randint(*random.choice(ranges))) for _ in range(random.randint(1, longest)))


def usual(random: Random, column: Column) -> str:
    """A value similar to the column's values; most are valid."""
    rule, kind = column.rule, column.type.name
    if rule.choices:
        return str(random.choice(rule.choices))
    if rule.pattern is not None:
        number = random.getrandbits(128)
        fitting = (
            f"{number:032x}",
            f"{number % 10**5:05}",
            f"{number % 10**6:06}",
            random.choice(["SP", "RJ"]),
            random.choice(["a1", "ZZ"]),
        )
        return next(made for made in fitting if re.search(rule.pattern, made))
    if random.random() < 0.3:
        return random.choice(USUAL[kind].split())
    low, high = (-(10**6) if bound is None else int(bound) for bound in (rule.ge, rule.le))
    size = random.choice([random.uniform(-90, 90), struct.unpack("d", random.randbytes(8))[0]])
    day = f"{random.randint(1, 9999):04}-{random.randint(1, 12):02}-{random.randint(1, 31):02}"
    made = {
        "integer": str(random.randint(low, max(high, low + 9))),
        "bigint": str(random.randint(low, max(high, low + 9))),
        "numeric": f"{random.randint(0, 10**10 - 1) / 100:.2f}",
        "double": repr(size)
        if random.random() < 0.5 or abs(size) > 1e20
        else f"{size:.{random.randint(0, 17)}f}",
        "timestamp": f"{day} {random.randint(0, 24):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}",
        "boolean": random.choice(["true", "0"]),
        "date": day,
        "interval": f"{random.randint(0, 40):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}",
        "text": text(random, 8),
    }
    return made[kind]


def record(random: Random, table: Table, header: tuple[str, ...]) -> bytes:
    """A record with its line end: mostly valid, often with a special value, sometimes with a wrong number of fields."""
    values = {c.name: "" if c.nullable and random.random() < 0.2 else usual(random, c) for c in table.columns}
    for name in sorted(set(random.choices(header, k=random.choice([0, 0, 1, 1, 2])))):
        core = random.choice(
            [random.choice(STRANGE), usual(random, table.by_name[name]), text(random, 5), ""]
        )
        values[name] = random.choice(BLANKS) + core + random.choice(BLANKS)
    buffer = io.StringIO()
    form = random.choice(["excel", "excel", "excel", "unix"])
    csv.writer(buffer, form, lineterminator="").writerow([values[name] for name in header])
    data = buffer.getvalue().encode()
    if random.random() < 0.1:
        place = random.randint(0, len(data))
        data = data[:place] + random.choice(BYTES) + data[place + random.randint(0, 1) :]
    return data + random.choice(LINE_ENDS)


@pytest.fixture(scope="session")
def csv_part() -> Callable[[Random, Table], Part]:
    """Return a function that creates a header with columns in any order and the bytes of records, some of them repeated."""

    def make(random: Random, table: Table) -> Part:
        header = tuple(random.sample(table.column_names, len(table.columns)))
        records = [record(random, table, header) for _ in range(random.choice([1, 5, 40]))]
        records += random.choices(records, k=random.choice([0, 3]))
        if random.random() < 0.2:
            # As in the concatenation of two files.
            mark, again = random.choice([b"", b"\xef\xbb\xbf"]), ",".join(header).encode() + b"\n"
            records.insert(random.randint(0, len(records)), mark + random.choice([b"", again]))
        return header, b"".join(records)[: random.choice([None, None, -1])]

    return make


@pytest.fixture(scope="session")
def strange() -> list[str]:
    """Values that parsers read differently."""
    return STRANGE
