"""The network of functions in a VPC: rules of security groups, and the restriction of a process."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from local.config import ROOT
from local.emulator.network.process import restricts_libraries
from local.emulator.network.rules import Side, allowed

FUNCTION = Side(frozenset({"sg-function"}), frozenset({"10.0.0.0/24", "10.0.1.0/24"}))
DATABASE = Side(frozenset({"sg-database"}), frozenset({"10.0.0.0/24", "10.0.1.0/24"}))
CONNECT = """
import os, runpy, socket, sys
os.environ["PORTS"] = sys.argv[1]
found = runpy.run_path("local/emulator/network/process.py")
found["isolate"]("PORTS")
try:
    {call}
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""
PYTHON = "socket.create_connection((sys.argv[2], int(sys.argv[3])), 5)"
# As a library in C does, without an audit event.
C = """import ctypes, struct
    libc, end = ctypes.CDLL(None, use_errno=True), socket.socket()
    address = struct.pack("=HHI8x", socket.AF_INET, socket.htons(int(sys.argv[3])), 0x0100007F)
    if libc.connect(end.fileno(), address, 16):
        raise OSError(ctypes.get_errno(), "")"""


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        "IpRanges": [],
        "UserIdGroupPairs": [],
    } | changes


TO_DATABASE = rule(UserIdGroupPairs=[{"GroupId": "sg-database"}])
FROM_FUNCTION = rule(UserIdGroupPairs=[{"GroupId": "sg-function"}])


def test_connection_needs_a_rule_on_both_sides() -> None:
    assert allowed([TO_DATABASE], [FROM_FUNCTION], FUNCTION, DATABASE, 5432)
    assert not allowed([], [FROM_FUNCTION], FUNCTION, DATABASE, 5432)
    assert not allowed([TO_DATABASE], [], FUNCTION, DATABASE, 5432)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"FromPort": 443, "ToPort": 443}, False),
        ({"FromPort": 0, "ToPort": 65535}, True),
        ({"IpProtocol": "udp"}, False),
        ({"IpProtocol": "-1"}, True),
        ({"UserIdGroupPairs": [{"GroupId": "sg-other"}]}, False),
        ({"UserIdGroupPairs": [], "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, True),
        ({"UserIdGroupPairs": [], "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}, True),
        ({"UserIdGroupPairs": [], "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}, False),
    ],
)
def test_rule_is_for_a_protocol_ports_and_a_group_or_all_addresses(
    wrong: dict[str, Any], expected: bool
) -> None:
    assert allowed([TO_DATABASE], [FROM_FUNCTION | wrong], FUNCTION, DATABASE, 5432) is expected
    assert allowed([TO_DATABASE | wrong], [FROM_FUNCTION], FUNCTION, DATABASE, 5432) is (
        expected and wrong.get("UserIdGroupPairs") != [{"GroupId": "sg-other"}]
    )


def attempt(call: str, ports: int, host: str, port: int) -> str:
    script = CONNECT.format(call=call)
    command = [sys.executable, "-c", script, str(ports), host, str(port)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_isolated_process_connects_to_its_ports_of_this_machine_only(free_port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert attempt(PYTHON, port, "127.0.0.1", port) == "connected"
        assert attempt(PYTHON, free_port(), "127.0.0.1", port) == "TimeoutError"
        assert attempt(PYTHON, 443, "192.0.2.1", 443) == "TimeoutError"


@pytest.mark.skipif(not restricts_libraries(), reason="this system does not restrict libraries in C")
def test_library_in_c_of_an_isolated_process_is_refused_other_ports(free_port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert attempt(C, port, "127.0.0.1", port) == "connected"
        assert attempt(C, free_port(), "127.0.0.1", port) == "PermissionError"
