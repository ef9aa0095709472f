"""Restrict the connections of a function's process. It runs in that process and imports the standard library only.

Linux refuses other ports to the process and its children (Landlock, from version 6.7 on), also to libraries in C. On all
systems, an audit hook of Python refuses other addresses to its own sockets.
"""

import ctypes
import errno
import os
import socket
import sys
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost")
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_OF_TCP = 4
"""The version of Landlock that added TCP."""
CONNECT_TCP, RULE_PORT, SET_NO_NEW_PRIVILEGES = 1 << 1, 2, 38


class Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


class Port(ctypes.Structure):
    """`struct landlock_net_port_attr`."""

    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def isolate(variable: str) -> None:
    """Allow connections to the ports in the environment variable only; without it, allow all."""
    if variable not in os.environ:
        return
    ports = {int(port) for port in os.environ.pop(variable).split(",")}
    if restricts_libraries():
        _restrict(ports)
    sys.addaudithook(
        lambda event, arguments: _refuse(ports, arguments) if event == "socket.connect" else None
    )


def _refuse(ports: set[int], arguments: tuple[Any, ...]) -> None:
    connection, address = arguments
    internet = connection.family in (socket.AF_INET, socket.AF_INET6)
    if internet and (address[0] not in LOOPBACK or address[1] not in ports):
        raise TimeoutError(
            errno.ETIMEDOUT, f"Connection timed out: no route from the function's VPC to {address[0]}"
        )


def restricts_libraries() -> bool:
    """Whether libraries in C are refused other ports on this system."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1) >= VERSION_OF_TCP)


def _restrict(ports: set[int]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = Ruleset(0, CONNECT_TCP)
    handle = libc.syscall(CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    for port in ports:
        rule = Port(CONNECT_TCP, port)
        _require(libc.syscall(ADD_RULE, handle, RULE_PORT, ctypes.byref(rule), 0))
    _require(libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _require(libc.syscall(RESTRICT_SELF, handle, 0))
    os.close(handle)


def _require(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "Landlock refused a rule")
