"""Check TCP ports of the loopback address."""

import socket

from local.config import HOST
from local.errors import PortTaken


def answers(port: int) -> bool:
    """Whether a server accepts connections on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def require_free(port: int, setting: str) -> None:
    """Raise ``PortTaken`` unless a server could listen on the port now."""
    if answers(port):
        raise PortTaken(port, setting)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set it too, so connections of an earlier run in TIME_WAIT do not prevent the bind.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port, setting) from error


def free_port() -> int:
    """A port without a listener. The operating system does not return the same port twice in a row."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
