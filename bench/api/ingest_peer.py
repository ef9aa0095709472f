"""The peer of ingestion: a hand-written function for one table, without its HTTP server.

It has no key, conflicts, stored rejections or report: the first invalid record fails all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from psycopg2.extras import execute_values
from pydantic import BaseModel, StringConstraints, TypeAdapter

from bench.api.calls import Call, Post, Records
from dataforge.postgres.sql import Sql, ident

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


Id = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class Customer(BaseModel):
    """One row."""

    customer_id: Id
    customer_unique_id: Id
    customer_zip_code_prefix: Annotated[str, StringConstraints(pattern="^[0-9]{5}$")]
    customer_city: Annotated[str, StringConstraints(min_length=1)]
    customer_state: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


CUSTOMERS = TypeAdapter(list[Customer])
COLUMNS = tuple(Customer.model_fields)


def by_hand(db: Connection, page_size: int) -> Call:
    """Validate a body's list of customers, insert it, commit, answer.

    ``page_size``: rows per statement; psycopg2's default is 100.
    """

    def call(records: Records) -> Post:
        body = json.dumps(records)

        def post() -> str:
            customers = CUSTOMERS.validate_python(json.loads(body))
            rows = [tuple(getattr(customer, name) for name in COLUMNS) for customer in customers]
            with db.cursor() as cursor:
                statement = Sql("INSERT INTO olist.customers ({}) VALUES %s").format(
                    Sql(", ").join(map(ident, COLUMNS))
                )
                execute_values(cursor, statement, rows, page_size=page_size)
            db.commit()
            return json.dumps({"inserted": len(rows)})

        return post

    return call
