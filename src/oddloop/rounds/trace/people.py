"""What people and labelling tools did with a scene: decisions, reviews, sendings, and what came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oddloop.rounds.review import describe
from oddloop.rounds.state import Event, RoundState, fold
from oddloop.rounds.trace.moment import Moment


def handling(scene_id: str, events: Sequence[Event]) -> Iterator[Moment]:
    """The moments of one round, or of what stands beside the rounds, in the order of the ledger."""
    tell = {"decided": _decided, "reviewed": _reviewed, "sent": _sent, "received": _received}
    for place, event in enumerate(events):
        if event.kind in tell and (moment := tell[event.kind](scene_id, event, events[:place])):
            yield moment


def _decided(scene_id: str, event: Event, _before: Sequence[Event]) -> Moment | None:
    replacement: Mapping[str, Any] = event.payload.get("replacement") or {}
    if event.payload.get("scene_id") == scene_id:
        detail = {"decision": event.payload["decision"], "reason": event.payload["reason"]}
        detail |= {"replacement": replacement["scene_id"]} if replacement else {}
        return Moment.of(event, describe(event, when=False), detail)
    if replacement.get("scene_id") != scene_id:
        return None
    because = "; ".join(str(reason["text"]) for reason in replacement["reasons"])
    detail = {"instead_of": event.payload["scene_id"], "reasons": replacement["reasons"], "cost": replacement["cost"]}
    return Moment.of(event, f"came into {event.round_id} by a swap, because: {because}", detail, kind="picked")


def _reviewed(scene_id: str, event: Event, _before: Sequence[Event]) -> Moment | None:
    payload = event.payload
    if scene_id in (pick["scene_id"] for pick in payload["picks"]):
        by = payload.get("approved_by", {}).get(scene_id)
        said = f"approved by {by}" if by else f"approved with the rest by {event.author}"
        return Moment.of(event, f"reviewed: {said}, to be labelled", {"outcome": "kept", "approved_by": by})
    if scene_id in payload.get("cut", ()):
        return Moment.of(event, f"reviewed: beyond the cut that {event.author} made", {"outcome": "cut"})
    return None


def _sent(scene_id: str, event: Event, before: Sequence[Event]) -> Moment | None:
    state: RoundState | None = fold(before)
    jobs = event.payload.get("jobs") or {}
    if scene_id not in jobs and (state is None or scene_id not in state.pick_ids):
        return None
    job = f", job {jobs[scene_id]}" if scene_id in jobs else ""
    project = f", project {event.payload['project']}" if event.payload.get("project") else ""
    detail = {name: event.payload.get(name) for name in ("tool", "project", "url", "digest")}
    return Moment.of(event, f"sent to {event.payload['tool']}{project}{job}", {**detail, "job": jobs.get(scene_id)})


def _received(scene_id: str, event: Event, _before: Sequence[Event]) -> Moment | None:
    payload = event.payload
    scenes = payload.get("scenes") or {}
    if scene_id in scenes:
        answer = scenes[scene_id]
        detail = dict(answer) if isinstance(answer, Mapping) else {}
        return Moment.of(event, f"labels came back from {payload.get('tool', 'a labelling tool')}", detail)
    if scene_id in payload.get("skipped", ()):
        return Moment.of(event, f"left without labels in {payload.get('tool', 'a labelling tool')}", {"skipped": True})
    return None
