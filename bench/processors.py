"""Processor seconds of a server and of finished child processes, which vary less than wall time on a shared machine."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

import psutil

from bench.server import Server
from local import processes
from local.postgres import pid_file


@dataclass(frozen=True)
class Cost:
    """Wall seconds, and processor seconds of the server and of its clients."""

    seconds: float
    server: float
    client: float


def of_server(server: Server) -> float:
    """The processor seconds that the server and all of its processes, also those that ended, have spent."""
    postmaster = processes.find(pid_file(server.config))
    if postmaster is None:
        raise RuntimeError("The server does not run.")
    total = float(sum(postmaster.cpu_times()[:4]))
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total


def of_finished_children() -> float:
    """The processor seconds of the child processes of this one that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
