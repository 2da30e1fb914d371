"""CVAT's annotation JSON as a delivery: what was drawn in the jobs of a task that are finished.

A track is given by key frames; between two of them CVAT moves a box evenly, and so it is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oddloop.exchange.labelling.batch import Box, Corners, Unit
from oddloop.exchange.labelling.cvat import TAG, TOOL
from oddloop.exchange.labelling.delivery import (
    Answer,
    Delivery,
    Faults,
    Sent,
    box_fault,
    mapping_of,
    number_of,
    text_of,
)


@dataclass(frozen=True)
class Job:
    """A job: its frames, first and last, whether it is accepted as completed, and what was drawn in it."""

    number: int
    start_frame: int
    stop_frame: int
    is_done: bool
    annotations: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskAnswers:
    """A task as the server tells it: labels, frames with name and size, numbers of removed frames, jobs."""

    labels: Sequence[Mapping[str, Any]]
    frames: Sequence[Any]
    deleted_frames: Sequence[int]
    jobs: Sequence[Job]


def read_task(task: TaskAnswers, sent: Sent, source: str) -> Delivery:
    """Read a task; frames that were removed count as skipped, jobs that are not accepted yet as open.

    Raises:
        LabellingError: it is faulty; all faults are told.
    """
    faults = Faults(source)
    names = {int(label["id"]): text_of(label.get("name")) for label in task.labels if isinstance(label.get("id"), int)}
    units = _units(task.frames, sent, faults)
    answers = [answer for job in task.jobs for answer in _job_answers(job, task, units, names, faults)]
    seen: set[Unit] = set()
    for answer in answers:
        if answer.unit in seen:
            faults.add(answer.unit.file_name, "it is in two jobs")
        seen.add(answer.unit)
    faults.refuse()
    return Delivery(TOOL, tuple(answers))


def _units(frames: Sequence[Any], sent: Sent, faults: Faults) -> dict[int, Unit]:
    found: dict[int, Unit] = {}
    for number, frame in enumerate(frames):
        name = text_of(mapping_of(frame).get("name"))
        size = mapping_of(frame).get("width"), mapping_of(frame).get("height")
        unit = sent.named(name)
        if unit is None:
            faults.add(f"frame {number}", f"no image {name!r:.80} was sent from this workspace")
        elif unit.width_px and size != (unit.width_px, unit.height_px):
            faults.add(
                f"frame {number}",
                f"it is {size[0]} x {size[1]} px, but {unit.width_px} x {unit.height_px} px were sent",
            )
        else:
            found[number] = unit
    return found


def _job_answers(
    job: Job, task: TaskAnswers, units: Mapping[int, Unit], names: Mapping[int, str], faults: Faults
) -> Iterator[Answer]:
    boxes = _boxes(job, names, faults) if job.is_done else {}
    for number in range(job.start_frame, job.stop_frame + 1):
        unit = units.get(number)
        if unit is None:
            continue
        mine = boxes.get(number, [])
        for problem in filter(None, (box_fault(box.corners, unit) for box in mine)):
            faults.add(f"job {job.number}, frame {number}", problem)
        if not job.is_done:
            yield Answer(unit, "open")
        elif number in task.deleted_frames:
            yield Answer(unit, "skipped")
        else:
            yield Answer(unit, "done", tuple(mine))


def _boxes(job: Job, names: Mapping[int, str], faults: Faults) -> dict[int, list[Box]]:
    found: dict[int, list[Box]] = {}
    for index, shape in enumerate(_list(job.annotations.get("shapes"))):
        given = mapping_of(shape)
        place = f"job {job.number}, shape {given.get('id', index)!s:.40}"
        label, frame = names.get(_int(given.get("label_id")), ""), _int(given.get("frame"))
        corners = _corners(given, faults, place)
        if not job.start_frame <= frame <= job.stop_frame:
            faults.add(place, f"its frame {given.get('frame')!r:.20} is not in the job")
        elif not label or label == TAG:
            faults.add(place, f"its label {given.get('label_id')!r:.20} is none of the task's for boxes")
        elif corners:
            found.setdefault(frame, []).append(Box(label, corners, None, str(given.get("id", f"s{index}"))))
    for index, track in enumerate(_list(job.annotations.get("tracks"))):
        for frame, box in _track_boxes(mapping_of(track), index, job, names, faults):
            found.setdefault(frame, []).append(box)
    return found


def _track_boxes(
    track: Mapping[str, Any], index: int, job: Job, names: Mapping[int, str], faults: Faults
) -> Iterator[tuple[int, Box]]:
    """A track's boxes in every frame of the job in which it is not outside."""
    place = f"job {job.number}, track {track.get('id', index)!s:.40}"
    label = names.get(_int(track.get("label_id")), "")
    if not label or label == TAG:
        faults.add(place, f"its label {track.get('label_id')!r:.20} is none of the task's for boxes")
        return
    keys = sorted((mapping_of(s) for s in _list(track.get("shapes"))), key=lambda s: _int(s.get("frame")))
    for i, key in enumerate(keys):
        first, corners = _int(key.get("frame")), _corners(key, faults, place)
        following = mapping_of(keys[i + 1]) if i + 1 < len(keys) else {}
        last = _int(following.get("frame")) if following else job.stop_frame + 1
        if corners is None or key.get("outside") is True:
            continue
        goal = _corners(following, faults, place) if following and following.get("outside") is not True else corners
        for frame in range(max(first, job.start_frame), min(last, job.stop_frame + 1)):
            share = (frame - first) / (last - first)
            yield frame, Box(label, _between(corners, goal or corners, share), None, f"t{track.get('id', index)}")


def _between(start: Corners, goal: Corners, share: float) -> Corners:
    a, b, c, d = (s + (g - s) * share for s, g in zip(start, goal, strict=True))
    return a, b, c, d


def _corners(shape: Mapping[str, Any], faults: Faults, place: str) -> Corners | None:
    points = [number_of(p) for p in _list(shape.get("points"))]
    known = [p for p in points if p is not None]
    if shape.get("type") != "rectangle":
        faults.add(place, f"its type is {shape.get('type')!r:.40}; only rectangles are taken")
    elif len(points) != 4 or len(known) != 4:
        faults.add(place, "its points are not four finite numbers")
    elif number_of(shape.get("rotation", 0)) != 0:
        faults.add(place, f"it is rotated by {shape.get('rotation')!r:.20}; boxes are upright")
    else:
        return known[0], known[1], known[2], known[3]
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
