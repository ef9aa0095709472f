"""Examples of docs/datasets.md that need a migration: the dialects, and the references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import ModuleType, new_class
from typing import TYPE_CHECKING, Annotated

from checks import datasets_page
from dataforge import Csv, Row, VarChar

if TYPE_CHECKING:
    from tests.postgres.sets.conftest import Project

PAGE = datasets_page.text()
Field = Annotated[str, VarChar(20)]


def results(project: Project) -> dict[str, list[str]]:
    """By table: the texts of its rows, and the codes of its rejections."""
    found: dict[str, list[str]] = defaultdict(list)
    for table in project.dataset.tables:
        found[table] += [f"`{row}`" for row in project.rows(table)]
    for table, codes in project.forge.rejections("table", "codes"):
        found[table].append(f"rejected: `{codes}`")
    return found


def model(name: str, dialect: Csv) -> type[Row]:
    """A row model with the columns a and b, whose file has this dialect."""
    body = {"__annotations__": {"a": Field | None, "b": Field | None}, "a": None, "b": None}
    keywords = {"table": name, "file": f"{name}.txt", "format": dialect}
    made: type[Row] = new_class(
        name, (Row,), keywords, lambda space: space.update(body, __module__="dialects")
    )
    return made


def test_file_of_each_dialect_is_read_as_stated(declare: Callable[[ModuleType], Project]) -> None:
    examples = list(datasets_page.examples(PAGE, "file", "rows"))
    module, files = ModuleType("dialects"), {}
    for example in examples:
        dialect = eval(f"Csv({example.word})", {"Csv": Csv})  # noqa: S307  the project's own page
        name = f"line_{example.line}"
        vars(module)[name] = model(name, dialect)
        files[f"{name}.txt"] = example.given.encode(dialect.encoding)
    project = declare(module)
    project.put(files)
    project.migrate(quality_threshold=0)
    found = results(project)
    for example in examples:
        assert ", ".join(found[f"line_{example.line}"]) == example.result, (example.line, example.word)


def test_records_of_the_example_with_references_have_the_stated_results(
    declare: Callable[[ModuleType], Project],
) -> None:
    (source,) = (block for block in datasets_page.blocks(PAGE) if "class Team(" in block)
    module = ModuleType("league")
    exec(compile(source, "datasets.md", "exec", dont_inherit=True), vars(module))  # noqa: S102
    examples = list(datasets_page.examples(PAGE, "table", "record", "result"))
    project = declare(module)
    lines: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        lines[example.word].append(example.given)
    headers = {name: ",".join(table.column_names) for name, table in project.dataset.tables.items()}
    project.put({f"{name}.csv": "\n".join([headers[name], *lines[name]]).encode() for name in headers})
    project.migrate(quality_threshold=0)
    rejected = {
        (table, lines[table][line - 2]): f"rejected: `{codes}`"
        for table, line, codes in project.forge.rejections("table", "line", "codes")
    }
    for example in examples:
        result = rejected.get((example.word, example.given), "loaded")
        assert result == example.result, (example.line, example.given)
