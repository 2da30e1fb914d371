"""Attempts of a command, one after the other, each with an empty output folder and a log that stays."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddloop.config import HookConfig
from oddloop.errors import TrainError
from oddloop.rounds.hook.command import fill_command, fill_environment, fill_folder, secret_values
from oddloop.rounds.hook.heartbeat import Heartbeat
from oddloop.rounds.hook.process import Ended, Start, run_attempt
from oddloop.rounds.shell import Progress, no_progress

_ATTEMPTS_FILE = "attempts.json"
"""Beside the logs: per attempt of the last call its number, how it ended, its time, and its log."""
_HEARTBEAT_FILE = "heartbeat.jsonl"
_TAIL_LINES = 12
_LONGEST_WAIT_S = 3600.0
_CUT = b"***"


@dataclass(frozen=True)
class Call:
    """A command to run until it has ended well.

    Attributes:
        name: its section in `oddloop.toml`: `train` or `evaluate`.
        what: what it does, for messages, such as `training of m001`.
        config: its settings.
        values: by placeholder; `output`, `heartbeat`, `attempt`, `cpus` and `memory_mb` are added.
        folder: where its files are; it marks all processes that it starts.
        output: the folder that it writes to, emptied before each attempt.
        workspace: where it runs, unless the settings say otherwise.
        logs: folder where the log of every attempt is kept; None: only that of the last one, in `folder`.
        progress: told of what the heartbeat says.
    """

    name: str
    what: str
    config: HookConfig
    values: Mapping[str, str]
    folder: Path
    output: Path
    workspace: Path
    logs: Path | None = None
    progress: Progress = no_progress


def run_hook(call: Call) -> list[dict[str, Any]]:
    """Run the command, again where its settings say that this failure is worth it; a record per attempt.

    `<name>.log` in its folder is the log of the attempt that ended well, what the logs are of stands beside them.

    Raises:
        TrainError: the last attempt failed, or the command cannot be started; its `attempts` are the record.
    """
    done: list[dict[str, Any]] = []
    while True:
        start = _start(call, len(done) + 1)
        try:
            ended = run_attempt(start)
        finally:
            _cut_secrets(start.log, call.config)
        done.append(_record(call, len(done) + 1, ended, start.log))
        if ended.code == 0:
            break
        if len(done) > call.config.retries or not _is_worth_it(call.config, ended):
            raise _failure(call, done, ended, start.log)
        time.sleep(min(call.config.retry_wait_s * 2 ** (len(done) - 1), _LONGEST_WAIT_S))
    if call.logs is not None:
        shutil.copyfile(start.log, call.folder / f"{call.name}.log")
        # Not in the folder of the result, which must not depend on how long anything took.
        aside = call.logs / f".{call.name}-{_ATTEMPTS_FILE}"
        aside.write_text(json.dumps(done, indent=1))
        aside.replace(call.logs / f"{call.name}-{_ATTEMPTS_FILE}")
    start.heartbeat.unlink(missing_ok=True)
    return done


def read_attempts(logs: Path, name: str) -> list[dict[str, Any]]:
    """The record of the last call that ended well and kept its logs here; nothing where it is gone."""
    file = logs / f"{name}-{_ATTEMPTS_FILE}"
    return list(json.loads(file.read_text())) if file.exists() else []


def _start(call: Call, attempt: int) -> Start:
    heartbeat, config = call.folder / _HEARTBEAT_FILE, call.config
    values = {
        **call.values,
        "output": str(call.output),
        "heartbeat": str(heartbeat),
        "attempt": str(attempt),
        "cpus": str(config.cpus or ""),
        "memory_mb": str(config.memory_mb or ""),
    }
    command = fill_command(call.name, config, values)
    env = fill_environment(call.name, config, values, str(call.folder))
    cwd = fill_folder(call.name, config, values, call.workspace)
    shutil.rmtree(call.output, ignore_errors=True)
    call.output.mkdir(parents=True)
    heartbeat.unlink(missing_ok=True)

    def on_beat(beat: Heartbeat) -> None:
        numbers = "".join(f" {name} {value:.4g}" for name, value in beat.numbers.items())
        call.progress(f"{call.what}{numbers}", beat.step, beat.of)

    return Start(
        call.name, command, env, cwd, _log(call), heartbeat,
        config.timeout_s, config.heartbeat_timeout_s, config.memory_mb, on_beat,
    )  # fmt: skip


def _log(call: Call) -> Path:
    """A log file that is not there yet, made now: attempts of earlier runs keep theirs."""
    if call.logs is None:
        return call.folder / f"{call.name}.log"
    call.logs.mkdir(parents=True, exist_ok=True)
    number = 1 + len(list(call.logs.glob(f"{call.name}-attempt-*.log")))
    while True:
        log = call.logs / f"{call.name}-attempt-{number}.log"
        try:
            log.touch(exist_ok=False)
            return log
        except FileExistsError:
            number += 1


def _is_worth_it(config: HookConfig, ended: Ended) -> bool:
    return config.retry_timeouts if ended.code is None else ended.code in config.retry_exit_codes


def _record(call: Call, attempt: int, ended: Ended, log: Path) -> dict[str, Any]:
    place = log.relative_to(call.workspace).as_posix() if call.logs and log.is_relative_to(call.workspace) else ""
    return {
        "attempt": attempt,
        "ended": ended.why or f"exit code {ended.code}",
        "seconds": round(ended.seconds, 3),
        "log": place,
    }


def _failure(call: Call, done: list[dict[str, Any]], ended: Ended, log: Path) -> TrainError:
    config = call.config
    how = {
        "timeout": f"after {config.timeout_s:g} s ({call.name}.timeout_s)",
        "heartbeat": f"after {config.heartbeat_timeout_s or 0:g} s of silence ({call.name}.heartbeat_timeout_s)",
    }.get(ended.why, f"with exit code {ended.code}")
    times = f" at attempt {len(done)}" if len(done) > 1 else ""
    kept = f" but its log, {done[-1]['log']}" if done[-1]["log"] else ""
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    tail = "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"
    error = TrainError(f"{call.what} ended {how}{times}; nothing was kept{kept}. Its last lines:\n{tail}")
    error.attempts = tuple(done)
    return error


def _cut_secrets(log: Path, config: HookConfig) -> None:
    """Take the values of secrets out of a log, line by line."""
    values = [value.encode() for value in secret_values(config)]
    if not values:
        return
    clean = log.with_name(f"{log.name}.clean")
    with log.open("rb") as source, clean.open("wb") as target:
        for line in source:
            for value in values:
                line = line.replace(value, _CUT)
            target.write(line)
    clean.replace(log)
