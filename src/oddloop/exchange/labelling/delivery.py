"""What comes back from a labelling tool: one answer per frame, or per scene without images; and how faults are told.

A delivery is read whole before anything is done with it, and every fault in it is told at once.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Box, Corners, Unit

State = Literal["done", "skipped", "open"]
_MAX_TOLD = 20
_EDGE_PX = 0.5
"""How far a box may reach over the edge of its image: tools round."""
MAX_BYTES = 1 << 30
"""Longest JSON that is read into memory."""


@dataclass(frozen=True)
class Answer:
    """What the tool says of one unit.

    Attributes:
        unit: the frame or scene.
        state: `done`, `skipped` (looked at and left without labels), or `open`.
        boxes: what was drawn; empty unless it is done.
        time_s: what it took, of all annotators together; None where the tool does not say.
    """

    unit: Unit
    state: State
    boxes: tuple[Box, ...] = ()
    time_s: float | None = None


@dataclass(frozen=True)
class Delivery:
    """All answers of an export, each unit once; `n_foreign` items were not sent by oddloop."""

    tool: str
    answers: tuple[Answer, ...]
    n_foreign: int = 0


@dataclass
class Faults:
    """Collects what is wrong with a delivery."""

    source: str
    found: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Note a fault."""
        self.found.append(f"{place}: {message}")

    def refuse(self) -> None:
        """Raise, where there is any fault.

        Raises:
            LabellingError: tells all of them, the first twenty in full.
        """
        if not self.found:
            return
        n = len(self.found)
        more = [f"  … and {n - _MAX_TOLD} more"] if n > _MAX_TOLD else []
        heading = f"{self.source}: {n} fault{'s' * (n != 1)}; nothing was taken"
        raise LabellingError("\n".join([heading, *(f"  {f}" for f in self.found[:_MAX_TOLD]), *more]))


class Sent:
    """All units that were sent, of one round or of several, to find an answer's unit by its key or by its file name."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.by_key = {unit.key: unit for unit in units}
        named = [unit for unit in self.by_key.values() if unit.file_name]
        self._by_file = {unit.file_name: unit for unit in named}  # a later round's, where a frame was sent twice
        self._by_base: dict[str, list[Unit]] = {}
        for unit in self._by_file.values():
            self._by_base.setdefault(posixpath.basename(unit.file_name), []).append(unit)

    def named(self, file_name: str) -> Unit | None:
        """The unit of an image; tools may leave out folders, or add some before, where the rest is unique."""
        name = file_name.replace("\\", "/").lstrip("/")
        if name in self._by_file:
            return self._by_file[name]
        alike = self._by_base.get(posixpath.basename(name), [])
        fitting = [u for u in alike if u.file_name.endswith(f"/{name}") or name.endswith(f"/{u.file_name}")]
        return fitting[0] if len(fitting) == 1 else None


def read_json(content: bytes, source: str) -> Any:
    """Parse JSON strictly: no NaN, no Infinity, UTF-8 only, at most `MAX_BYTES`.

    Raises:
        LabellingError: it is not such JSON.

    >>> read_json(b'{"a": [1]}', "export.json")
    {'a': [1]}
    """
    if len(content) > MAX_BYTES:
        raise LabellingError(f"{source}: longer than {MAX_BYTES >> 20} MB; export fewer tasks at a time")
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise LabellingError(
            f"{source}: not readable as JSON: {_short(error)}; export it again, or see whether it was cut off"
        ) from None


def text_of(value: Any) -> str:
    """The text, or "" where it is anything else."""
    return value if isinstance(value, str) else ""


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The mapping, or an empty one where it is anything else."""
    return value if isinstance(value, dict) else {}


def number_of(value: Any) -> float | None:
    """The finite number, also where it is written as text; None where it is anything else.

    >>> number_of("1.5"), number_of(2), number_of(True), number_of("nan"), number_of([1])
    (1.5, 2.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def box_fault(corners: Corners, unit: Unit) -> str:
    """What is wrong with a box's corners in its image; "" where nothing is."""
    x_min, y_min, x_max, y_max = corners
    if not (x_min < x_max and y_min < y_max):
        return f"the box ({_shown(corners)}) has no area"
    over = min(x_min, y_min) < -_EDGE_PX
    over |= bool(unit.width_px) and x_max > unit.width_px + _EDGE_PX
    over |= bool(unit.height_px) and y_max > unit.height_px + _EDGE_PX
    if over:
        size = f"{unit.width_px} x {unit.height_px} px" if unit.width_px else "its image"
        return f"the box ({_shown(corners)}) lies outside {size}; are the units right?"
    return ""


def time_of(value: Any, faults: Faults, place: str) -> float | None:
    """Seconds, 0 or more; None where not given; anything else is a fault."""
    if value is None:
        return None
    number = number_of(value)
    if number is None or number < 0:
        faults.add(place, f"the time {value!r:.40} is no number of seconds of 0 or more")
        return None
    return number


def sum_times(times: Iterable[float | None]) -> float | None:
    """Sum of times; None where one is not known, or there is none."""
    known = list(times)
    return None if not known or any(time is None for time in known) else math.fsum(t for t in known if t is not None)


def _shown(corners: Corners) -> str:
    return ", ".join(f"{c:.6g}" for c in corners)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is not JSON")
