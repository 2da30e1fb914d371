"""From `[tracker]` to a tracker: the name is known, or the import path of the team's own class."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import asdict
from typing import cast

from oddloop.config.tracker import TrackerConfig
from oddloop.errors import TrackerError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import Event
from oddloop.rounds.tracking.base import Loop, Tracker

TRACKERS = {"mlflow": "oddloop.rounds.tracking.mlflow_tracker:MlflowTracker"}
"""Import path by the name that `[tracker] kind` may have."""


def load_tracker(config: TrackerConfig, loop: Loop) -> Tracker:
    """The tracker that `[tracker] kind` names, for one loop.

    Raises:
        TrackerError: there is no such tracker, or it cannot be made.
    """
    module_name, _, class_name = TRACKERS.get(config.kind, config.kind).partition(":")
    if not class_name:
        raise TrackerError(
            f'[tracker] kind = {config.kind!r} is not known; known: {", ".join(TRACKERS)}, or "package.module:Class"'
        )
    made = getattr(importlib.import_module(module_name), class_name, None)
    if made is None:
        raise TrackerError(f"[tracker] kind = {config.kind!r}: {module_name} has no {class_name!r}")
    return cast(Tracker, made(config, loop))


def loop_of(workspace: Workspace, first: Event) -> Loop:
    """The loop that a ledger is of: its first event names it, so that it is the same wherever the workspace lies."""
    config, storage = workspace.config, workspace.storage
    born = hashlib.sha256(f"{first.key} {first.at_ns} {first.author}".encode()).hexdigest()[:16]
    folder = storage.local_path() if storage.is_local else None
    return Loop(config.tracker.loop_id or born, config.workspace.name, folder)


def identity_of(config: TrackerConfig, environment_uri: str) -> str:
    """Digest of where rounds are pushed to: another place has got none of them yet."""
    place = {name: value for name, value in asdict(config).items() if name not in ("timeout_s", "max_segments")}
    return digest_of(place | {"environment": environment_uri if not config.tracking_uri else ""})[:16]
