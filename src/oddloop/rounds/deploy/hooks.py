"""The hooks of a promotion: a command of the team's own, and a POST to a URL; what became of each."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oddloop.config.tracker import DeployConfig
from oddloop.errors import DeployError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.deploy.webhook import post

_TAIL_CHARS = 2000
"""Characters of a command's output that are kept."""


@dataclass(frozen=True)
class Delivery:
    """What became of one hook.

    Attributes:
        hook: `command` or `webhook`.
        is_delivered: whether it took the message.
        detail: what it said: the end of the command's output, or the answer's status.
    """

    hook: str
    is_delivered: bool
    detail: str


def refuse_missing_secret(config: DeployConfig) -> None:
    """Refuse to sign with a secret that is not there.

    Raises:
        DeployError: the environment variable is not set.
    """
    if config.secret_env and not os.environ.get(config.secret_env):
        raise DeployError(
            f"[deploy] secret_env: the environment variable {config.secret_env} is not set, so the webhook could not "
            "be signed; set it, or leave `secret_env` out. Nothing was promoted"
        )


def fire(hook: str, workspace: Workspace, message: Mapping[str, Any], at_ns: int) -> Delivery:
    """Tell one hook; a failure is an answer, too."""
    config = workspace.config.deploy
    body = json.dumps(message, ensure_ascii=False, sort_keys=True).encode()
    if hook == "command":
        return Delivery(hook, *_run(workspace, message, body))
    secret = os.environ[config.secret_env].encode() if config.secret_env else b""
    return Delivery(hook, *post(config.webhook, body, str(message["key"]), secret, at_ns, config.timeout_s))


def _run(workspace: Workspace, message: Mapping[str, Any], body: bytes) -> tuple[bool, str]:
    config, storage = workspace.config.deploy, workspace.storage
    place = str(storage.local_path()) if storage.is_local else storage.url
    names = ("model_id", "round_id", "model_uri", "key")
    values = {name: str(message[name]) for name in names} | {"workspace": place, "python": sys.executable}
    try:
        command = [part.format(**values) for part in shlex.split(config.command)]
        process = subprocess.Popen(
            command,
            cwd=place if storage.is_local else None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (KeyError, IndexError, ValueError, OSError) as error:
        known = ", ".join(f"{{{name}}}" for name in values)
        return False, f"cannot start {config.command!r}: {error}; it may use {known}"
    return _result(process, body, config.timeout_s)


def _result(process: subprocess.Popen[bytes], body: bytes, timeout_s: float) -> tuple[bool, str]:
    """Whether the command ended well, and what it said; its whole process group is gone afterwards."""
    with process:
        try:
            output, _ = process.communicate(body, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return False, f"it took longer than {timeout_s:g} s ([deploy] timeout_s) and was ended"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    said = output.decode(errors="replace").strip()[-_TAIL_CHARS:]
    if process.returncode == 0:
        return True, said or "exit code 0"
    return False, f"exit code {process.returncode}; {said or 'it printed nothing'}"
