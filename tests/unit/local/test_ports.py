import socket

import pytest

from local import ports
from local.errors import PortTaken


def test_port_is_taken_while_a_listener_exists() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        assert ports.answers(port)
        with pytest.raises(PortTaken, match=rf"port {port} .* THE_SETTING=<port>"):
            ports.require_free(port, "THE_SETTING")
    assert not ports.answers(port)
    ports.require_free(port, "THE_SETTING")


def test_bound_port_without_a_listener_is_taken() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(PortTaken):
            ports.require_free(silent.getsockname()[1], "THE_SETTING")
