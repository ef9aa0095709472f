"""How long identifiers of rows (``ctid``) are valid: until the table gets another file.

VACUUM FULL, CLUSTER and other rewrites move the rows to a new file. They wait for every transaction that has the table
locked, so identifiers that were read in one transaction are valid in another if ``hold_file`` and then ``file_number``
show the same file.
"""

from __future__ import annotations

from dataforge.postgres.sql import Sql, literal


def file_number(relation: Sql) -> Sql:
    """The query of the number of the table's file, which changes if its rows move."""
    return Sql("SELECT pg_relation_filenode({}::regclass)::bigint").format(literal(relation))


def hold_file(relation: Sql) -> Sql:
    """The statement that prevents a new file until the transaction ends."""
    return Sql("LOCK TABLE {} IN ACCESS SHARE MODE").format(relation)
