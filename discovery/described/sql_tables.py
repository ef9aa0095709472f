"""Read SQL with CREATE TABLE statements into a description: pg_dump, mysqldump, SQLite, SQL Server, Oracle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from sqlglot import exp

from dataforge import Check
from discovery.described.description import DescribedColumn, DescribedReference, Description
from discovery.described.sql_checks import Choices, Length, conditions
from discovery.described.sql_parser import dialect_of, items_of, parse, parse_alter
from discovery.described.sql_statements import statements
from discovery.described.sql_table import SqlTable, described_table
from discovery.described.sql_types import declared_type

_MOST_STATEMENTS = 20_000
_CONSTRAINING = re.compile(r"\bADD\b.*\b(?:PRIMARY|UNIQUE|FOREIGN|CHECK)\b", re.IGNORECASE | re.DOTALL)
_ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00")
"""MySQL writes these for a date without a value."""


class _Reader:
    """Statements read so far. ``tables``: indexed by the name in lower case, because SQL ignores case."""

    def __init__(self, source: str, dialect: str) -> None:
        self.source, self.dialect = source, dialect
        self.tables: dict[str, SqlTable] = {}
        self.enums: dict[str, tuple[str, ...]] = {}
        self.notes: list[str] = []
        self.unused: list[str] = []

    def read(self, sql: str) -> None:
        """One statement."""
        word = sql.split(None, 1)[0].upper()
        if re.match(r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+|FOREIGN\s+)?TABLE\b", sql, re.IGNORECASE):
            self._create(sql)
        elif word == "CREATE":
            self._type_or_index(parse(sql, self.dialect))
        elif word == "ALTER" and _CONSTRAINING.search(sql):
            self._alter(sql)

    def _create(self, sql: str) -> None:
        found = items_of(sql, self.dialect)
        tree = parse(re.sub(r"\(.*", "(x int)", sql, count=1, flags=re.DOTALL), self.dialect)
        named = tree.find(exp.Table) if tree is not None else None
        if found is None or named is None:
            self._pass_over(sql)
            return
        if named.name.startswith(("#", "@")):
            return
        table = self.tables[named.name.lower()] = SqlTable(named.name)
        items, unknown = found
        for item in items:
            self._item(table, item)
        self.notes += [
            f"{self.source}: {named.name} has a part that is not known: {text}" for text in unknown
        ]

    def _pass_over(self, sql: str) -> None:
        if not re.search(r"\bPARTITION\s+OF\b", sql, re.IGNORECASE):
            self.notes.append(f"{self.source}: a statement is not known: {' '.join(sql.split())[:60]}")

    def _type_or_index(self, tree: exp.Expr | None) -> None:
        if not isinstance(tree, exp.Create):
            return
        if tree.kind == "TYPE" and isinstance(kind := tree.expression, exp.DataType):
            self.enums[tree.this.name.lower()] = tuple(e.name for e in kind.expressions)
        elif tree.kind == "INDEX" and tree.args.get("unique"):
            index = tree.this
            table = self.tables.get(index.args["table"].name.lower()) if index.args.get("table") else None
            params = index.args.get("params")
            columns = params.args.get("columns") if params is not None else None
            if table is not None and columns and not params.args.get("where"):
                table.add_unique(_names(columns))

    def _alter(self, sql: str) -> None:
        tree = parse_alter(sql, self.dialect)
        table = self.tables.get(tree.this.name.lower()) if tree is not None else None
        if tree is None:
            self._pass_over(sql)
        elif table is not None:
            for action in tree.args["actions"]:
                for item in action.expressions if isinstance(action, exp.AddConstraint | exp.Schema) else []:
                    self._item(table, item)

    def _item(self, table: SqlTable, item: exp.Expr) -> None:
        """A column or a constraint of a table."""
        match item:
            case exp.ColumnDef():
                self._column(table, item)
            case exp.Identifier():
                table.columns[item.name] = DescribedColumn(item.name)
            case exp.Constraint():
                self._named(table, item.expressions)
            case exp.PrimaryKey():
                table.key = _names(item.expressions) or ()
            case exp.UniqueColumnConstraint() if isinstance(item.this, exp.Schema):
                table.add_unique(_names(item.this.expressions))
            case exp.ForeignKey():
                self._reference(table, _names(item.expressions), item.args.get("reference"))
            case exp.CheckColumnConstraint():
                self._check(table, item.this)

    def _named(self, table: SqlTable, parts: list[exp.Expr]) -> None:
        for part in parts:
            self._item(table, part)

    def _column(self, table: SqlTable, definition: exp.ColumnDef) -> None:
        name, kind = definition.name, definition.args.get("kind")
        declared = declared_type(kind, self.dialect, self.enums) if isinstance(kind, exp.DataType) else None
        null = _ZERO_DATES if self.dialect == "mysql" and declared and declared.source in _DATES else None
        constraints = [part.args.get("kind") for part in definition.args.get("constraints") or []]
        table.columns[name] = DescribedColumn(name, declared, nullable=True, null=null)
        for constraint in constraints:
            match constraint:
                case exp.NotNullColumnConstraint() if not constraint.args.get("allow_null"):
                    table.columns[name] = replace(table.columns[name], nullable=False)
                case exp.PrimaryKeyColumnConstraint():
                    table.key = (name,)
                case exp.UniqueColumnConstraint():
                    table.add_unique((name,))
                case exp.Reference():
                    self._reference(table, (name,), constraint)
                case exp.CheckColumnConstraint():
                    self._check(table, constraint.this)

    def _reference(self, table: SqlTable, columns: tuple[str, ...] | None, tree: exp.Expr | None) -> None:
        if columns is None or not isinstance(tree, exp.Reference):
            return
        target = tree.this
        parent = target.find(exp.Table)
        own = _names(target.expressions) if isinstance(target, exp.Schema) else ()
        if parent is not None and own is not None:
            table.references.append(DescribedReference(columns, parent.name, own))

    def _check(self, table: SqlTable, tree: exp.Expr) -> None:
        for condition in conditions(tree):
            match condition:
                case Choices():
                    table.restrict(condition)
                case Check():
                    table.checks.append(condition)
                case Length():
                    table.limit(condition)
                case None:
                    self.unused.append(f"{table.name}: {' '.join(tree.sql().split())[:60]}")


_DATES = {"Date", "Timestamp", "TimestampTz"}


def _names(items: Iterable[exp.Expr]) -> tuple[str, ...] | None:
    """The columns' names; None if one is an expression or only a part of a column."""
    found = []
    for item in items:
        column = item.this if isinstance(item, exp.Ordered) else item
        if not isinstance(column, exp.Identifier | exp.Column):
            return None
        found.append(column.name)
    return tuple(found)


def read_sql(source: str, read: Callable[[int], str]) -> Description:
    """The tables that SQL creates. ``read`` returns the next characters of the file ``source``."""
    found = list(islice(statements(read), _MOST_STATEMENTS))
    reader = _Reader(source, dialect_of("\n".join(found)))
    for sql in sorted(found, key=_order):
        reader.read(sql)
    tables = tuple(described_table(table, source) for table in reader.tables.values() if table.columns)
    if reader.unused:
        first, number = reader.unused[0], len(reader.unused)
        counted = "a check is not used" if number == 1 else f"{number:,} checks are not used, such as that of"
        reader.notes.append(f"{source}: {counted} {first}")
    return Description(tables, (source,) if tables else (), tuple(reader.notes))


def _order(sql: str) -> int:
    """Types first: a dump may create them after a table that a comment shows."""
    return 0 if re.match(r"CREATE\s+TYPE\b", sql, re.IGNORECASE) else 1
