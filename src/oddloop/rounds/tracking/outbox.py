"""The outbox: the ledger knows what a tracker has got, and what it has not is pushed, whenever that becomes possible.

A push is recorded after the tracker has taken it. A run killed in between pushes it again, and the tracker finds it
there by loop and round (`base.Tracker`); so nothing is lost and nothing is there twice. Whatever a tracker raises is
told, and nothing else comes of it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.errors import OddloopError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.model import last_promotion
from oddloop.rounds.state import BESIDE_ROUNDS, MODELS, TRACKER, Event
from oddloop.rounds.tracking.base import Promotion, Tracker
from oddloop.rounds.tracking.load import identity_of, load_tracker, loop_of
from oddloop.rounds.tracking.records import files_of, record_of

PUSHED = "pushed"
PROMOTED = "promoted"
_URI = "MLFLOW_TRACKING_URI"
_PASSWORD = re.compile(r"//[^/@\s]*@")
_LOOKED_AT = 2
"""Rounds, newest first, whose files are looked at for changes; all of them where everything is asked for."""


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        done: what (a round, or `promoted`), seq and ref (what the tracker calls it) of all that was pushed.
        waiting: what still waits.
        error: why, "" where nothing waits.
    """

    done: tuple[dict[str, Any], ...] = ()
    waiting: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class _Job:
    """One thing to push: what it is called, its digest, and how."""

    name: str
    seq: int
    digest: str
    do: Callable[[Tracker], str]


def push(workspace: Workspace, ledger: Ledger, stamp: Callable[[], Author], *, everything: bool = False) -> Pushed:
    """Push what the tracker has not got yet; call it while nobody else writes to the workspace.

    Args:
        workspace: the workspace; without a `[tracker] kind` nothing happens.
        ledger: its ledger.
        stamp: who pushes, and when.
        everything: look also at the files of older rounds, whose reports may have been written anew.
    """
    config, events = workspace.config.tracker, ledger.events()
    if not config.kind or not events:
        return Pushed()
    place = identity_of(config, os.environ.get(_URI, ""))
    jobs = _jobs(workspace, events, everything=everything)
    done: list[dict[str, Any]] = []
    try:
        tracker = load_tracker(config, loop_of(workspace, events[0])) if jobs else None
        for job in jobs:
            assert tracker is not None  # noqa: S101  there are jobs
            told = {"what": job.name, "seq": job.seq, "ref": job.do(tracker)}
            payload, author = {**told, "tracker": place, "kind": config.kind, "digest": job.digest}, stamp()
            # With the time, since a report may become again what it was.
            key = f"{place}/{job.name}/{job.digest}/{author.at_ns}"
            ledger.append(TRACKER, PUSHED, payload, key=key, author=author)
            done.append(told)
    except (Exception, SystemExit) as error:  # a tracker may raise anything, and a round must not fail for it
        left = tuple(job.name for job in jobs[len(done) :])
        return Pushed(tuple(done), left, _told(error))
    return Pushed(tuple(done))


def pushed_rounds(workspace: Workspace, events: Sequence[Event]) -> dict[str, Mapping[str, Any]]:
    """Payload of the last push to the tracker that is set now, by round; the last promotion's under `promoted`."""
    place = identity_of(workspace.config.tracker, os.environ.get(_URI, ""))
    ours = [event.payload for event in events if event.round_id == TRACKER and event.payload.get("tracker") == place]
    return {str(payload["what"]): payload for payload in ours}


def _jobs(workspace: Workspace, events: Sequence[Event], *, everything: bool) -> list[_Job]:
    by_round: dict[str, list[Event]] = {}
    for event in events:
        if event.round_id not in BESIDE_ROUNDS:
            by_round.setdefault(event.round_id, []).append(event)
    known = pushed_rounds(workspace, events)
    looked_at = list(by_round)[-_LOOKED_AT:]
    jobs: list[_Job] = []
    for round_id, own in by_round.items():
        is_new = known.get(round_id, {}).get("seq") != own[-1].seq
        if is_new or everything or round_id in looked_at:
            jobs += _round_job(workspace, own, known.get(round_id, {}))
    return jobs + _promotion_jobs(events, known)


def _round_job(workspace: Workspace, events: Sequence[Event], known: Mapping[str, Any]) -> list[_Job]:
    round_id = events[0].round_id
    files = files_of(workspace, round_id)
    digest = digest_of([events[-1].seq, {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}])
    if known.get("digest") == digest:
        return []
    return [_Job(round_id, events[-1].seq, digest, lambda to: to.push_round(record_of(workspace, events, files)))]


def _promotion_jobs(events: Sequence[Event], known: Mapping[str, Mapping[str, Any]]) -> list[_Job]:
    """The newest promotion, where the tracker does not know of it: of those before it none is in service any more."""
    last = last_promotion([event for event in events if event.round_id == MODELS])
    if last is None or known.get(PROMOTED, {}).get("seq") == last.seq:
        return []
    told = last.payload
    promotion = Promotion(str(told["model_id"]), str(told["round_id"]), str(told["why"]), last.seq, last.at_ns)
    return [_Job(PROMOTED, last.seq, digest_of([last.seq]), lambda to: to.push_promotion(promotion))]


def _told(error: BaseException) -> str:
    """The error in one line, without a password that its URL may hold."""
    text = _PASSWORD.sub("//", str(error).strip().partition("\n")[0]) or type(error).__name__
    return text if isinstance(error, OddloopError) else f"{type(error).__name__}: {text}"
