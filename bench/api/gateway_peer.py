"""The peer with its HTTP server: FastAPI on uvicorn, a pool of connections, one table.

Run as ``python gateway_peer.py PORT DATABASE_URL`` in the environment of requirements.lock; Data Forge is not in it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI
from psycopg2.extras import execute_values
from psycopg2.pool import ThreadedConnectionPool
from pydantic import BaseModel, StringConstraints

Id = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class Customer(BaseModel):
    """One row."""

    customer_id: Id
    customer_unique_id: Id
    customer_zip_code_prefix: Annotated[str, StringConstraints(pattern="^[0-9]{5}$")]
    customer_city: Annotated[str, StringConstraints(min_length=1)]
    customer_state: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


COLUMNS = tuple(Customer.model_fields)
INSERT = f"INSERT INTO olist.customers ({', '.join(COLUMNS)}) VALUES %s"  # noqa: S608  the model's columns; the peer is not to use Data Forge
app = FastAPI()


@contextmanager
def connection() -> Iterator[Any]:
    """A connection of the pool, whose work is committed at the end."""
    db = app.state.pool.getconn()
    try:
        with db:
            yield db
    finally:
        app.state.pool.putconn(db)


@app.get("/health")
def health() -> None:
    """Answer whether the server is running."""


@app.post("/customers")
def post_customers(customers: list[Customer]) -> dict[str, int]:
    """Store all rows or none."""
    rows = [tuple(getattr(customer, name) for name in COLUMNS) for customer in customers]
    with connection() as db, db.cursor() as cursor:
        execute_values(cursor, INSERT, rows)
    return {"inserted": len(rows)}


if __name__ == "__main__":
    app.state.pool = ThreadedConnectionPool(1, 40, sys.argv[2])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
