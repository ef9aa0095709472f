"""Listen on PostgreSQL's port: `python -m local.rds --help` lists what it needs."""

import argparse
import json
import logging
import socket
import ssl
import threading
from pathlib import Path

from psycopg2.extensions import make_dsn

from local.rds.entrance import TOKENS, Entrance, Place, ask

BACKLOG = 200


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="local.rds", description="PostgreSQL as Amazon RDS serves it")
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file with key and certificate")
    parser.add_argument("--superuser", type=Path, required=True, help="JSON with PostgreSQL's superuser")
    parser.add_argument("--sockets", type=Path, required=True, help="folder of the servers' sockets")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    account = json.loads(options.superuser.read_text()) | {"host": str(options.sockets)}
    superuser = make_dsn(**account, dbname="postgres")
    address = str(options.sockets / f".s.PGSQL.{options.port}")
    entrance = Entrance(context, Place(address, superuser, ask(options.sockets / TOKENS)))
    with socket.create_server((options.host, options.port), backlog=BACKLOG) as listener:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=entrance.serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
