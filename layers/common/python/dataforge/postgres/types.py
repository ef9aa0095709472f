"""Types of a connection and a cursor, for annotations. Import this module under ``TYPE_CHECKING``: it loads psycopg2."""

from psycopg2 import extensions

Connection = extensions.connection
Cursor = extensions.cursor
