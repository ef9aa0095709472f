"""Work that PostgreSQL completes although the function that started it has ended.

A Lambda function runs for at most 15 minutes, but a backend continues a query when its client has gone, until it next
reads from the client or sends to it. A step with much work sends it as one query on a further connection: a DO block with
all statements, which also stores the result, or the error, in the ledger in the same transaction. The step waits for the
result until its own time is nearly over, closes the connection, and raises ``WorkContinues``; the state machine repeats it,
and it waits for the same work.

- The backend locks the work's row in the ledger as long as it works. A call that finds the row unlocked and without a
  result detects that the backend has ended: by a crash, a failover or a cancellation. Then all was rolled back, and the
  next call starts again, at most ``ATTEMPTS`` times.
- Work is started under a number that is committed before, and ends at once if it finds another number: it is never done
  twice, nor by two at a time.
- A run that is stopped ends the backend before it releases its leases (``work.end``).
- The work is in one transaction (``script``), or each statement is in its own (``cursor``), so that a function's code can be
  executed again up to where it was.
"""
