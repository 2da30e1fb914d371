"""One attempt: start the command, watch it until it ends or its time is up, and end all that it started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oddloop.errors import TrainError
from oddloop.rounds.hook.heartbeat import Heartbeat
from oddloop.rounds.orphans import MARK, end_marked

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded here, since nothing may be loaded between fork and exec
_LOOK_EVERY_S = 0.5
_MIB = 1 << 20


@dataclass(frozen=True)
class Start:
    """What is needed to start an attempt.

    Attributes:
        name: the section of the command in `oddloop.toml`.
        command: its words.
        env: its whole environment; all that it starts carries the mark of `orphans` in it.
        cwd: the folder that it runs in.
        log: file that takes what it prints.
        heartbeat: file that it may write to.
        timeout_s: longest time, in s.
        silence_s: longest time without a heartbeat, in s; None: any.
        memory_mb: most private memory of each process, in MiB; None: any.
        on_beat: told of each heartbeat.
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    heartbeat: Path
    timeout_s: float
    silence_s: float | None
    memory_mb: int | None
    on_beat: Callable[[Heartbeat], None]


@dataclass(frozen=True)
class Ended:
    """How an attempt ended.

    Attributes:
        code: exit code, 128 + n where signal n ended it; None where its time was up.
        why: "" where it ended by itself, else `timeout` or `heartbeat`.
        seconds: how long it ran.
    """

    code: int | None
    why: str
    seconds: float


def run_attempt(start: Start) -> Ended:
    """Run the command to its end; no process that carries its mark is left.

    Raises:
        TrainError: it cannot be started.
    """
    begun = time.monotonic()
    with start.log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                start.command,
                cwd=start.cwd,
                env=start.env,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_limited(start.memory_mb),
            )
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or error
            raise TrainError(f"{start.name}.command: cannot start {start.command[0]!r}: {reason}") from error
        try:
            code, why = _watch(process, start)
        finally:
            _end(process, start.env[MARK])
    return Ended(code, why, time.monotonic() - begun)


def _watch(process: subprocess.Popen[bytes], start: Start) -> tuple[int | None, str]:
    heartbeat, until = Heartbeat(start.heartbeat), time.monotonic() + start.timeout_s
    while True:
        left_s = until - time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(max(0.0, min(left_s, _LOOK_EVERY_S)))
            return (128 - code if code < 0 else code), ""
        if heartbeat.look():
            start.on_beat(heartbeat)
        if left_s <= 0:
            return None, "timeout"
        if start.silence_s is not None and heartbeat.silence_s > start.silence_s:
            return None, "heartbeat"


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end_marked(mark)  # those that went off into a session of their own


def _limited(memory_mb: int | None) -> Callable[[], None]:
    """What the child does before it becomes the command."""
    limit = memory_mb * _MIB if memory_mb else None

    def prepare() -> None:
        # A killed `oddloop run` must not leave its command behind; what that has itself started is ended by the next
        # run (`orphans`).
        with contextlib.suppress(OSError, AttributeError):
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if limit is not None:
            # Private memory and not address space, of which GPU drivers reserve far more than they use.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    return prepare
