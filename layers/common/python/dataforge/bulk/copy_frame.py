"""The bytes around the rows of PostgreSQL's binary COPY, without the libraries that encode columns of rows."""

READ_BYTES = 1 << 18
"""Bytes that psycopg2 reads and sends at a time. Its default, 8 KiB, doubles the time."""

BEFORE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BEHIND = b"\xff\xff"
