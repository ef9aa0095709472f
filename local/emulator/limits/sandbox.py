"""The memory and the files of each process of a function: beyond its limits the process is killed.

Memory is the resident size of the process, as Lambda measures it (not the address space, which Arrow reserves in advance).
It is sampled, and the peak that Linux records is compared after each invocation, so that no short peak is overlooked. On
Lambda a write to a full `/tmp` fails with the same text; here, because no file system has that size, the process ends.
Elsewhere nothing can be written, as on Lambda. Files directly in `/tmp` count as well if Python opened them.
"""

import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from ministack.core.lambda_runtime import Worker

from local.emulator.anchors import require
from local.emulator.worker_script import SETUP, change_worker_script

INTERVAL_SECONDS = 0.05
DEFAULT_MEMORY, DEFAULT_FILES = 128, 512
MEGABYTE = 1024 * 1024
PROCESSES = Path("/proc")
# After the worker has read where its code is, which may be below /tmp. The interpreter may write compiled modules.
OWN_FOLDER = (
    SETUP
    + """
    os.environ["TMPDIR"] = os.path.join(os.path.dirname(code_dir), "tmp")
    _own, _code = os.environ["TMPDIR"] + os.sep, os.path.dirname(os.path.dirname(code_dir)) + os.sep
    _changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    _elsewhere = open(os.path.join(os.path.dirname(code_dir), "elsewhere"), "a", encoding="utf-8", errors="surrogateescape")

    def _on_opening(event, arguments):
        if event == "open" and arguments[2] & _changing and isinstance(arguments[0], (str, os.PathLike)):
            path = os.path.abspath(os.fspath(arguments[0]))
            if path.startswith(_own) or "__pycache__" in path:
                return
            if path.startswith(_code) or not path.startswith(("/tmp/", "/dev/", "/proc/")):
                raise OSError(30, "Read-only file system", path)
            if path.startswith("/tmp/"):
                print(path, file=_elsewhere, flush=True)

    sys.addaudithook(_on_opening)
"""
)

KILLED = "Runtime exited with error: signal: killed"
FULL = "[Errno 28] No space left on device"


def apply() -> None:
    """Each process has its own folder for temporary files, which lasts as long as the process."""
    require("limits.sandbox", Worker, "invoke", "_spawn")
    change_worker_script("limits.sandbox", SETUP, OWN_FOLDER)
    spawn, invoke, watch = Worker._spawn, Worker.invoke, Watch()

    def spawn_with_folder(worker: Any) -> None:
        spawn(worker)
        Path(worker._tmpdir, "tmp").mkdir(exist_ok=True)

    def invoke_watched(worker: Any, *arguments: Any, **names: Any) -> dict[str, Any]:
        sandbox = watch.begin(worker)
        try:
            answer: dict[str, Any] = invoke(worker, *arguments, **names)
        except RuntimeError as error:  # the process ended while it started
            return sandbox.judge({"status": "error", "error": str(error), "cold_start": True, "log": ""})
        finally:
            watch.end(sandbox)
        return sandbox.judge(answer)

    Worker._spawn = spawn_with_folder
    Worker.invoke = invoke_watched


class Sandbox:
    """A process of a function during an invocation, and the limit that it has exceeded."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        config = worker.config
        self._memory = int(config.get("MemorySize") or DEFAULT_MEMORY) * MEGABYTE
        self._files = int((config.get("EphemeralStorage") or {}).get("Size") or DEFAULT_FILES) * MEGABYTE
        self._exceeded = ""

    def check(self) -> None:
        """Kill the process if it exceeds a limit."""
        process = self._worker._proc
        if process is None or self._exceeded or process.poll() is not None:
            return
        if resident_bytes(process.pid) > self._memory:
            self._exceeded = KILLED
        elif self._file_bytes() > self._files:
            self._exceeded = FULL
        if self._exceeded:
            process.kill()

    def _file_bytes(self) -> int:
        """The size of the files that the process has written."""
        folder = self._worker._tmpdir
        return folder_bytes(Path(folder, "tmp")) + listed_bytes(Path(folder, "elsewhere")) if folder else 0

    def judge(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer of the invocation; if the process exceeded a limit, the error."""
        self.check()
        process = self._worker._proc
        if not self._exceeded and process is not None and peak_bytes(process.pid) > self._memory:
            self._exceeded = KILLED
            process.kill()
        if not self._exceeded:
            return answer
        self._worker._proc = None
        return {**answer, "status": "error", "error": self._exceeded}


class Watch:
    """A thread that samples the processes of the running invocations, and waits while there is none."""

    def __init__(self) -> None:
        self._running: set[Sandbox] = set()
        self._changed = threading.Condition()
        threading.Thread(target=self._sample, daemon=True, name="limits-of-functions").start()

    def begin(self, worker: Any) -> Sandbox:
        sandbox = Sandbox(worker)
        with self._changed:
            self._running.add(sandbox)
            self._changed.notify()
        return sandbox

    def end(self, sandbox: Sandbox) -> None:
        with self._changed:
            self._running.discard(sandbox)

    def _sample(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._running)
            time.sleep(INTERVAL_SECONDS)
            with self._changed:
                running = list(self._running)
            for sandbox in running:
                sandbox.check()


def resident_bytes(pid: int) -> int:
    """The resident size of a process; 0 if it has ended."""
    found = _recorded(pid, "VmRSS")
    return _listed(pid) if found is None else found


def peak_bytes(pid: int) -> int:
    """The largest resident size that Linux recorded; elsewhere the present one."""
    found = _recorded(pid, "VmHWM")
    return _listed(pid) if found is None else found


def _recorded(pid: int, name: str) -> int | None:
    """A size in Linux's status of a process; 0 if it has ended, None on another system."""
    if not (PROCESSES / "self").exists():
        return None
    try:
        found = re.search(
            rf"^{name}:\s*(\d+) kB", (PROCESSES / str(pid) / "status").read_text(), re.MULTILINE
        )
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _listed(pid: int) -> int:
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout or 0) * 1024


def folder_bytes(folder: Path) -> int:
    """The size of the files in a folder."""
    return sum(_file_bytes(Path(place, name)) for place, _, names in os.walk(folder) for name in names)


def listed_bytes(names: Path) -> int:
    """The size of the files whose paths a file lists."""
    try:
        text = names.read_text(errors="surrogateescape")
    except FileNotFoundError:  # the process has not started yet
        return 0
    return sum(_file_bytes(Path(path)) for path in set(text.splitlines()))


def _file_bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # deleted meanwhile
        return 0
