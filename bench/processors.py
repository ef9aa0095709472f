"""Processor seconds of a server and of finished child processes, which vary less than wall time on a shared machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import psutil

from bench import goals
from bench.server import Server
from bench.show import show_table
from local import processes
from local.postgres import pid_file


@dataclass(frozen=True)
class Cost:
    """Wall seconds, and processor seconds of the server and of its clients."""

    seconds: float
    server: float
    client: float

    @property
    def processor(self) -> float:
        """The processor seconds of both."""
        return self.server + self.client

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.server + other.server, self.client + other.client)


NOTHING = Cost(0, 0, 0)
_END_SECONDS = 2


def of_server(server: Server) -> float:
    """The processor seconds that the server and all of its processes, also those that ended, have spent."""
    postmaster = _postmaster(server)
    total = float(sum(postmaster.cpu_times()[:4]))
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total


def _postmaster(server: Server) -> psutil.Process:
    found = processes.find(pid_file(server.config))
    if found is None:
        raise RuntimeError("The server does not run.")
    return found


def _sessions(server: Server) -> set[int]:
    return {child.pid for child in _postmaster(server).children()}


def _await_ends(server: Server, known: set[int]) -> None:
    """Wait for the processes of sessions that have ended: the postmaster counts their time when it has noticed.

    A worker of autovacuum may run longer.
    """
    deadline = time.monotonic() + _END_SECONDS
    while _sessions(server) - known and time.monotonic() < deadline:
        time.sleep(0.01)


def of_finished_children() -> float:
    """The processor seconds of the child processes of this one that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_workers() -> float:
    """The processor seconds that the running worker processes of this one have spent."""
    times = [psutil.Process(child.pid).cpu_times() for child in multiprocessing.active_children()]
    return sum(one.user + one.system for one in times)


def cost_of(server: Server, work: Callable[[], object]) -> Cost:
    """The cost of work that this process, its workers, and processes that end with the work do as clients of the server."""
    known, spent, client = _sessions(server), of_server(server), _of_clients()
    begun = time.perf_counter()
    work()
    seconds = time.perf_counter() - begun
    _await_ends(server, known)
    return Cost(seconds, of_server(server) - spent, _of_clients() - client)


def _of_clients() -> float:
    return time.process_time() + of_workers() + of_finished_children()


def show_costs(
    title: str,
    costs: Mapping[str, Sequence[Cost]],
    base: str,
    works: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Print the medians of what the alternatives cost, and their ratios to the one with the name ``base``.

    ``works``: of the alternatives that have a goal, the work in `goals`.
    """
    head = ("", "seconds", "from", "to", "server CPU", "client CPU", "ratio", "ratio of CPU")
    show_table(title, head, [_row(name, found, costs[base]) for name, found in costs.items()])
    for name, work in works.items():
        goals.record(work, median_seconds(costs[name]) / median_seconds(costs[base]))


def median_seconds(costs: Sequence[Cost]) -> float:
    """The median of the wall seconds."""
    return statistics.median(one.seconds for one in costs)


def _row(name: str, costs: Sequence[Cost], base: Sequence[Cost]) -> tuple[str, ...]:
    seconds = [one.seconds for one in costs]
    cpu, base_cpu = (statistics.median(one.processor for one in found) for found in (costs, base))
    values = (
        *(median_seconds(costs), min(seconds), max(seconds)),
        *(statistics.median(one.server for one in costs), statistics.median(one.client for one in costs)),
        *(median_seconds(costs) / median_seconds(base), cpu / base_cpu),
    )
    return (name, *(f"{value:.2f}" for value in values))
