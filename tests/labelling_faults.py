"""Exports of labelling tools with something wrong in them, for Hypothesis to draw."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from labelling_batches import make_batch
from oddloop.demo.annotator import annotate
from oddloop.exchange.labelling import Batch, coco, cvat, label_studio, sheets

BATCH: Batch = make_batch()
EXPORTS: dict[str, bytes] = {
    "label-studio": json.dumps(annotate(json.loads(json.dumps(label_studio.make_tasks(BATCH))))).encode(),
    "cvat": "".join(cvat.annotations_xml(BATCH, "d" * 32)).encode(),
    "coco": json.dumps(coco.make_dataset(BATCH)).encode(),
    "csv": sheets.make_boxes(BATCH).encode(),
}
"""A good export of each tool."""
SUFFIX = {"label-studio": ".json", "cvat": ".xml", "coco": ".json", "csv": ".csv"}
BAD_NUMBERS = [math.nan, math.inf, -math.inf, 1e300, -1e6, "far", None, [], {}, True]
NUMBERS = {
    "label-studio": rb'("(?:x|y|width|height)": )[0-9.]+(?=[,}])',
    "cvat": rb'((?:xtl|ytl|xbr|ybr)=")[0-9.]+',
    "coco": rb'("bbox": \[)[0-9.]+',
    "csv": rb"(,(?:car|van),[0-9.]+,)[0-9.]+",
}
"""Where each format has a box's numbers."""


@st.composite
def truncated(draw: st.DrawFn, tool: str) -> bytes:
    """Cut off; a sheet in the middle of a number, since a shorter sheet may be whole."""
    whole = EXPORTS[tool]
    if tool == "csv":
        lines = [i for i in range(len(whole)) if whole[i : i + 1] == b","]
        return (
            whole[: draw(st.sampled_from(lines[20:]))].rsplit(b"\n", 1)[0] + b"\nr001,log1/s0,log1/s0/f0,9,car,0.9,1.0"
        )
    return whole[: draw(st.integers(0, len(whole.rstrip()) - 1))]


@st.composite
def bad_number(draw: st.DrawFn, tool: str) -> bytes:
    """A number of a box that is none, far away, or of another type."""
    value = draw(st.sampled_from(BAD_NUMBERS if tool != "csv" else BAD_NUMBERS[:6]))
    text = json.dumps(value) if tool in ("label-studio", "coco") else str(value).replace('"', "")
    if tool in ("cvat", "csv") and value in (1e300, -1e6):
        text = f"{value:g}"
    return _nth(draw, NUMBERS[tool], EXPORTS[tool], lambda m: m.group(1) + text.encode())


@st.composite
def foreign(draw: st.DrawFn, tool: str) -> bytes:
    """Ids or names of something that was never sent."""
    mine, theirs = draw(
        st.sampled_from([("log1/s0/f0", "log1/s0/f9"), ("log2/s5", "log9/s9"), ("r001", "r002")])
        if tool != "coco"
        else st.sampled_from([("cam/1/0.png", "cam/1/9.png"), ("cam/3/1.png", "../../etc/passwd")])
    )
    return EXPORTS[tool].replace(mine.encode(), theirs.encode())


@st.composite
def twice(draw: st.DrawFn, tool: str) -> bytes:
    """Something that stands twice."""
    whole = EXPORTS[tool]
    if tool == "label-studio":
        tasks = json.loads(whole)
        tasks.append(draw(st.sampled_from(tasks)))
        return json.dumps(tasks).encode()
    if tool == "coco":
        parts = json.loads(whole)
        name = draw(st.sampled_from(["images", "annotations", "categories"]))
        parts[name].append(draw(st.sampled_from(parts[name])))
        return json.dumps(parts).encode()
    if tool == "cvat":
        image = draw(st.sampled_from(re.findall(rb"<image .*?</image>", whole, re.DOTALL)))
        return whole.replace(b"</annotations>", image + b"</annotations>")
    row = draw(st.sampled_from([line for line in whole.splitlines() if b"car" in line or b"van" in line]))
    return whole + row + b"\n"


@st.composite
def wrong_units(draw: st.DrawFn, tool: str) -> bytes:
    """Percents where pixels should be is not seen; pixels times a thousand, and corners the other way round, are."""
    factor = draw(st.sampled_from([1000, -1]))
    return re.sub(NUMBERS[tool], lambda m: m.group(1) + _times(m, factor), EXPORTS[tool])


@st.composite
def wrong_type(draw: st.DrawFn, tool: str) -> bytes:
    """A part that everything hangs on is of another type, or gone."""
    if tool == "csv":
        gone = draw(st.sampled_from([b"scene_id", b"category", b"x_min_px", b"round_id"]))
        return EXPORTS[tool].replace(gone, b"other", 1)
    if tool == "cvat":
        gone = draw(st.sampled_from([b"<version>1.1", b"<annotations>", b' label="car"', b"<box "]))
        other = {b"<version>1.1": b"<version>2", b' label="car"': b"", b"<box ": b"<polygon "}.get(gone, b"<other>")
        changed = EXPORTS[tool].replace(gone, other)
        return changed.replace(b"</box>", b"</polygon>") if gone == b"<box " else changed
    parts = json.loads(EXPORTS[tool])
    value = draw(st.sampled_from([None, 3, "text", True]))
    if tool == "coco":
        parts[draw(st.sampled_from(["images", "annotations", "categories"]))] = value
        return json.dumps(parts).encode()
    name = draw(st.sampled_from(["data", "annotations", "result", "value", "id"]))
    task = draw(st.sampled_from([t for t in parts if t["annotations"][0]["result"]]))
    owner = {
        "result": task["annotations"][0],
        "value": (regions := task["annotations"][0]["result"])[0],
        "id": regions[0],
    }
    owner.get(name, task)[name] = value if name != "id" else None
    return json.dumps(parts).encode()


@st.composite
def hostile(draw: st.DrawFn, tool: str) -> bytes:
    """What is meant to do harm, or is another format altogether."""
    bombs = [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><a>&c;&c;&c;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations><version>&x;</version></annotations>',
        b"<a>" * 100_000,
        b"\xff\xfe\x00\x00",
        b"",
        b"null",
        b'"text"',
        b"1e999999",
        b'{"images": [], "annotations": []}',
        b"<html><body>Sign in</body></html>",
        b"9" * 50_000,
    ]
    del tool
    return draw(st.sampled_from(bombs))


KINDS: list[Callable[[str], st.SearchStrategy[bytes]]] = [
    truncated,
    bad_number,
    foreign,
    twice,
    wrong_units,
    wrong_type,
    hostile,
]


@st.composite
def malformed(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Tool, kind of fault, content: each of them must be refused."""
    tool = draw(st.sampled_from(sorted(EXPORTS)))
    kind = draw(st.sampled_from(KINDS))
    return tool, kind.__name__, draw(kind(tool))


@st.composite
def scrambled(draw: st.DrawFn) -> tuple[str, bytes]:
    """Tool and content with anything put anywhere: it may be refused or taken, but what is taken must be sound."""
    tool = draw(st.sampled_from(["label-studio", "coco"]))
    parts = copy.deepcopy(json.loads(EXPORTS[tool]))
    for _ in range(draw(st.integers(1, 3))):
        owner, at = _somewhere(draw, parts)
        owner[at] = draw(st.sampled_from([None, -1, 0, 1e9, "", "car", "tram", True, [], {}, [[1]], "log1/s0"]))
    return tool, json.dumps(parts).encode()


def _somewhere(draw: st.DrawFn, parts: Any) -> tuple[Any, Any]:
    owner = parts
    while True:
        keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
        at = draw(st.sampled_from(keys))
        if not isinstance(owner[at], (dict, list)) or not owner[at] or draw(st.integers(0, 5)) == 0:
            return owner, at
        owner = owner[at]


def _nth(draw: st.DrawFn, pattern: bytes, whole: bytes, change: Callable[[re.Match[bytes]], bytes]) -> bytes:
    found = list(re.finditer(pattern, whole))
    chosen = draw(st.sampled_from(range(len(found))))
    match = found[chosen]
    return whole[: match.start()] + change(match) + whole[match.end() :]


def _times(match: re.Match[bytes], factor: float) -> bytes:
    return repr(float(match.group(0)[len(match.group(1)) :]) * factor).encode()
