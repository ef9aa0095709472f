"""The statements of one transaction, which PostgreSQL executes without a client between them."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.postgres.sql import Sql, literal
from dataforge.runs import leases

DIFFERS = Sql("DF001")
"""The SQLSTATE of a number that is not the expected one. The message has its name, the expected and the found number."""

REFUSED = Sql("DF002")
"""The SQLSTATE of what the script refuses. The message names it, without values of rows."""

ROLLED_BACK = Sql("DF003")
"""The SQLSTATE of statements that were tried and rolled back (``trial``). The message has the document of their error."""

VARIABLES = Sql(
    "counted bigint; facts jsonb := '{}'; rows json; list json[] := '{}'; one record; holds boolean;"
)
"""The variables that the statements of a script use."""

LEASE = "lease"
"""The name of the number of leases that the run holds."""


def fact(name: str) -> Sql:
    """The number of a fact, in a statement."""
    return Sql("($1->>{})::bigint").format(literal(name))


def expected(name: str) -> Sql:
    """The number of a fact, as an expected number."""
    return Sql("(facts->>{})::bigint").format(literal(name))


class Script:
    """Statements in order, as the body of a DO block. ``result``: the SQL of a value of type json, in PL/pgSQL.

    The number in a column of a query can be stored as a fact: ``fact(name)`` in later statements, ``expected(name)`` where a
    number is expected.
    """

    def __init__(self) -> None:
        self._parts: list[Sql] = []
        self.result = Sql("facts::json")

    def hold(self, execution: str, dataset: str, tables: Iterable[str]) -> None:
        """Lock the leases of the execution until the transaction ends, as ``leases.hold``."""
        names = sorted(tables)
        self.change(leases.held(execution, dataset, names), len(names), LEASE)

    def extend(self, other: Script) -> None:
        """Add the statements of another script."""
        self._parts += other._parts

    def execute(self, statement: Sql) -> None:
        """Execute a statement, or several with semicolons between them. A query's rows are not used."""
        self._parts.append(Sql("EXECUTE {} USING facts;").format(literal(statement)))

    def change(self, statement: Sql, expected: Sql | int, name: str) -> None:
        """Execute a statement which must concern the expected number of rows, else the script fails with ``DIFFERS``."""
        self.execute(statement)
        self._parts.append(Sql("GET DIAGNOSTICS counted = ROW_COUNT;"))
        self._require(expected, name)

    def change_counted(self, statement: Sql, counted: str, name: str) -> None:
        """Execute a statement which must concern as many rows as the fact has; not if it is 0: triggers of a statement
        are executed for no row too."""
        some = Script()
        some.change(statement, expected(counted), name)
        self.choose(Sql("SELECT {} > 0").format(fact(counted)), some, Script())

    def require(self, query: Sql, expected: Sql | int, name: str) -> None:
        """Require that the query gives the expected number."""
        self._parts.append(Sql("EXECUTE {} INTO counted USING facts;").format(literal(query)))
        self._require(expected, name)

    def store(self, query: Sql) -> None:
        """Store the columns of the row that the query gives as facts."""
        self._parts.append(Sql("EXECUTE {} INTO one USING facts;").format(literal(query)))
        self._parts.append(Sql("facts := facts || to_jsonb(one);"))

    def choose(self, condition: Sql, then: Script, otherwise: Script) -> None:
        """Execute the statements of one of two scripts; ``condition``: a query of a boolean."""
        self._parts.append(
            Sql("EXECUTE {} INTO holds USING facts;\nIF holds THEN\n{}\nELSE\n{}\nEND IF;").format(
                literal(condition), then.body(), otherwise.body()
            )
        )

    def refuse(self, query: Sql) -> None:
        """Refuse to continue if the query gives a text that is not NULL: the script fails with ``REFUSED`` and the text."""
        self._parts.append(Sql("EXECUTE {} INTO message USING facts;").format(literal(query)))
        self._parts.append(
            Sql(
                "IF message IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = {}, MESSAGE = message; END IF;"
            ).format(literal(REFUSED))
        )

    def collect(self, statement: Sql) -> None:
        """Execute a query, whose rows become the result: an array of objects, in order, with the columns in order."""
        self.result = Sql("rows")
        if statement.lstrip()[:6].upper() == "SELECT":
            rows = Sql("SELECT json_agg(q) FROM ({}) q").format(statement)
            self._parts.append(Sql("EXECUTE {} INTO rows;").format(literal(rows)))
            return
        # A WITH that changes rows cannot be inside another query. Elsewhere a loop would prevent parallel workers.
        self._parts.append(
            Sql(
                "FOR one IN EXECUTE {} LOOP list := list || row_to_json(one); END LOOP; rows := array_to_json(list);"
            ).format(literal(statement))
        )

    def count(self, statement: Sql) -> None:
        """Execute a statement; the number of rows that it concerns becomes the result."""
        self.result = Sql("to_json(counted)")
        self.execute(statement)
        self._parts.append(Sql("GET DIAGNOSTICS counted = ROW_COUNT;"))

    def body(self) -> Sql:
        """The statements in PL/pgSQL."""
        return Sql("\n").join(self._parts)

    def _require(self, expected: Sql | int, name: str) -> None:
        self._parts.append(
            Sql(
                "IF counted IS DISTINCT FROM {expected} THEN RAISE EXCEPTION USING ERRCODE = {state},"
                " MESSAGE = json_build_array({name}::text, {expected}, counted)::text; END IF;"
            ).format(expected=expected, state=literal(DIFFERS), name=literal(name))
        )
