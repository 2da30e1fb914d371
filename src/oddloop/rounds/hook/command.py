"""What a command is started with: its words, its environment, its folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oddloop.config import HookConfig
from oddloop.errors import TrainError
from oddloop.rounds.orphans import MARK

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_SHORTEST_SECRET = 4
_UNFILLABLE = (KeyError, IndexError, ValueError, AttributeError, TypeError)


def settings_of(config: HookConfig, model_id: str) -> dict[str, Any]:
    """What a result depends on, of the settings: not how often or how long it is tried."""
    chosen = {"env": dict(config.env), "cwd": config.cwd}
    return {"command": config.command, "model_id": model_id, **{k: v for k, v in chosen.items() if v}}


def fill_command(name: str, config: HookConfig, values: Mapping[str, str]) -> list[str]:
    """The command's words with their placeholders filled in.

    Args:
        name: its section in `oddloop.toml`, for messages.
        config: its settings.
        values: by placeholder.

    Raises:
        TrainError: there is an unknown placeholder, a quotation that does not end, or nothing at all.

    >>> fill_command("train", HookConfig(command="fit --seed {seed} 'a b'"), {"seed": "3"})
    ['fit', '--seed', '3', 'a b']
    """
    try:
        parts = [part.format(**values) for part in shlex.split(config.command)]
        if not parts:
            raise ValueError("it is blank")
        return parts
    except _UNFILLABLE as error:
        raise _unfillable(f"{name}.command", config.command, error, values) from error


def fill_environment(name: str, config: HookConfig, values: Mapping[str, str], mark: str) -> dict[str, str]:
    """The environment: that of oddloop, thread counts, `env`, and the mark by which its processes are found.

    Raises:
        TrainError: a variable of `secrets` is not set.
    """
    missing = [variable for variable in config.secrets if not os.environ.get(variable)]
    if missing:
        raise TrainError(f"{name}.secrets: {', '.join(missing)} is not set; set it where oddloop runs")
    threads = dict.fromkeys(_THREADS, str(config.cpus)) if config.cpus else {}
    own = {variable: _fill(f"{name}.env.{variable}", text, values) for variable, text in config.env.items()}
    return {**os.environ, **threads, **own, MARK: mark}


def fill_folder(name: str, config: HookConfig, values: Mapping[str, str], workspace: Path) -> Path:
    """The folder to run in.

    Raises:
        TrainError: it is not there.
    """
    folder = workspace / Path(_fill(f"{name}.cwd", config.cwd, values)).expanduser()
    if not folder.is_dir():
        raise TrainError(f"{name}.cwd: {folder} is no folder; correct the setting or make it")
    return folder


def secret_values(config: HookConfig) -> list[str]:
    """What must never be written down, line by line, longest first; a few letters would be found in every word."""
    lines = {line for name in config.secrets for line in os.environ.get(name, "").splitlines()}
    return sorted((line for line in lines if len(line) >= _SHORTEST_SECRET), key=len, reverse=True)


def _fill(setting: str, text: str, values: Mapping[str, str]) -> str:
    try:
        return text.format(**values)
    except _UNFILLABLE as error:
        raise _unfillable(setting, text, error, values) from error


def _unfillable(setting: str, text: str, error: Exception, values: Mapping[str, str]) -> TrainError:
    names = ", ".join(f"{{{name}}}" for name in values)
    return TrainError(f"{setting}: cannot fill in {text!r}: {error}; it may use {names}")
