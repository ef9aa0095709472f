import socket

import pytest

from local import ports
from local.errors import PortTaken


def test_a_listener_makes_a_port_taken_and_its_end_makes_it_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        assert ports.answers(port)
        with pytest.raises(PortTaken, match=rf"port {port} .* THE_SETTING=<port>"):
            ports.require_free(port, "THE_SETTING")
    assert not ports.answers(port)
    ports.require_free(port, "THE_SETTING")


def test_a_port_that_is_bound_but_does_not_answer_is_taken() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(PortTaken):
            ports.require_free(silent.getsockname()[1], "THE_SETTING")
