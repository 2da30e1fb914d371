"""The exposure cube: how much of every conjunction of up to three attribute values was seen, in counts that add up.

Cubes of shards, days or fleets over one taxonomy are added with `+` and subtracted with `-`. Whatever the order, the
result is the same, to the last bit, as one cube of all scenes:

- every amount is first rounded to a whole number of steps (2^-20 of a second, metre or error; 1 frame or object), and
  a sum of up to 2^53 steps (272 years of seconds, 8.6 million kilometres) is exact in float64;
- distinct logs add up where no log is in both cubes, which each cube's list of logs shows. So keep a log's scenes
  in one shard. Cubes that share a log are not added but refused.

When scenes arrive of new logs, add their cube. When scenes arrive of logs that the cube knows, or some get labels,
`exchange` the cube of those logs as they were for the cube of them as they are: no other scene is read again.

Time grows with scenes x sets of attributes when a cube is built (`counting`), with the occupied cells when it is added.
Memory: 16 bytes and 24 per status and measure, of each occupied cell; and the ids of the logs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray
from oddloop.coverage.cube.cells import attribute_sets, decode
from oddloop.coverage.status import STATUSES
from oddloop.errors import TableError


@dataclass(frozen=True)
class Axis:
    """One attribute of a cube: its name, and its values in the order of their codes."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Cube:
    """Counts and sums of every conjunction that holds a scene, by status.

    Attributes:
        axes: the attributes.
        max_way: attributes in a conjunction, at most.
        measures: names of the sums.
        steps: what each measure's amounts are whole multiples of.
        log_ids: distinct logs, rising.
        sets: (S,) int64 set of attributes of each conjunction, by place in `attribute_sets`; rising.
        numbers: (S,) int64 number of each conjunction within its set, by mixed radix (`cells`); rising in each set.
        n_scenes: (S,3) int64 scenes by status, as in `STATUSES`.
        n_logs: (S,3) int64 distinct logs.
        sums: (S,3,M) float64 sums of the measures.
    """

    axes: tuple[Axis, ...]
    max_way: int
    measures: tuple[str, ...]
    steps: tuple[float, ...]
    log_ids: pa.Array
    sets: IntArray
    numbers: IntArray
    n_scenes: IntArray
    n_logs: IntArray
    sums: FloatArray

    def __add__(self, other: Cube) -> Cube:
        """The cube of both cubes' scenes.

        Raises:
            TableError: they are of other attributes or measures, or have a log in common.
        """
        self._refuse_other_kind(other)
        shared = self.log_ids.filter(pc.is_in(self.log_ids, value_set=other.log_ids))
        if len(shared):
            raise TableError(
                f"cubes: {len(shared):,} logs, such as `{shared[0]}`, are in both, so distinct logs do not add up; "
                "keep all scenes of a log in one shard, or `exchange` the cube of those logs for a new one"
            )
        log_ids = pa.concat_arrays([self.log_ids, other.log_ids])
        return _merge(self, other, 1, log_ids.take(pc.sort_indices(log_ids)))

    def __sub__(self, other: Cube) -> Cube:
        """The cube without another one's scenes, which must be all the scenes that it holds of their logs.

        Raises:
            TableError: they are of other attributes or measures, or it does not hold the other one's scenes.
        """
        self._refuse_other_kind(other)
        strange = other.log_ids.filter(pc.invert(pc.is_in(other.log_ids, value_set=self.log_ids)))
        log_ids = self.log_ids.filter(pc.invert(pc.is_in(self.log_ids, value_set=other.log_ids)))
        left = _merge(self, other, -1, log_ids)
        if len(strange) or (left.n_scenes < 0).any() or (left.n_logs < 0).any():
            named = f"log `{strange[0]}`" if len(strange) else "scenes of its logs"
            raise TableError(f"cubes: what is taken away holds {named}, which the cube lacks; build the cube again")
        return left._take(np.asarray(left.n_scenes.any(axis=1)))

    def exchange(self, before: Cube, after: Cube) -> Cube:
        """The cube with some logs as they are now, in place of as they were.

        Args:
            before: cube of all scenes that this cube holds of those logs.
            after: cube of all their scenes now.
        """
        return self - before + after

    def conjunctions(self) -> Iterator[tuple[tuple[int, ...], IntArray, slice]]:
        """Per set of attributes: their places, the (C,W) value codes of its conjunctions, and their rows here."""
        sets = list(attribute_sets(len(self.axes), self.max_way))
        bounds = np.searchsorted(self.sets, np.arange(len(sets) + 1)).tolist()
        for chosen, rows in zip(sets, itertools.starmap(slice, itertools.pairwise(bounds)), strict=True):
            yield chosen, decode(self.numbers[rows], tuple(len(self.axes[c].values) for c in chosen)), rows

    def dense(self, attributes: Sequence[str], measure: str = "n_scenes") -> FloatArray:
        """A measure for every combination of these attributes' values, also for those that hold nothing.

        Args:
            attributes: names of up to `max_way` different attributes, in any order.
            measure: `n_scenes`, `n_logs`, or one of `measures`.

        Returns:
            (values of the first attribute, ..., 3) array; the last axis is the status.

        Raises:
            TableError: there is no such attribute or measure, or there are more than `max_way` attributes.
        """
        names = [axis.name for axis in self.axes]
        strange = [a for a in attributes if a not in names]
        if strange or len(set(attributes)) < len(attributes) or len(attributes) > self.max_way:
            raise TableError(
                f"cube: no conjunctions of {list(attributes)}; name up to {self.max_way} different ones of {names}"
            )
        places = [names.index(a) for a in attributes]
        wanted = tuple(sorted(places))
        _, codes, rows = next(found for found in self.conjunctions() if found[0] == wanted)
        shape = [len(self.axes[place].values) for place in sorted(places)]
        counts = np.zeros((*shape, len(STATUSES)))
        counts[tuple(codes.T)] = self.measure(measure)[rows]
        order = np.argsort(np.argsort(places))
        return counts.transpose(*order, len(places))

    def measure(self, name: str) -> FloatArray | IntArray:
        """(S,3) `n_scenes`, `n_logs`, or the sums of one measure."""
        if name in ("n_scenes", "n_logs"):
            return self.n_scenes if name == "n_scenes" else self.n_logs
        if name not in self.measures:
            raise TableError(
                f"cube: no measure `{name}`; there are: {', '.join(('n_scenes', 'n_logs', *self.measures))}"
            )
        return self.sums[:, :, self.measures.index(name)]

    def _refuse_other_kind(self, other: Cube) -> None:
        for name in ("axes", "max_way", "measures", "steps"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise TableError(
                    f"cubes: their {name} differ: {mine} and {theirs}; build both with one taxonomy that names its "
                    "`values`, and with the same measures"
                )

    def _take(self, rows: BoolArray) -> Cube:
        names = ("sets", "numbers", "n_scenes", "n_logs", "sums")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def _merge(one: Cube, two: Cube, sign: int, log_ids: pa.Array) -> Cube:
    """Both cubes' conjunctions, each once, the second cube's counts times `sign`."""
    sets = np.concatenate([one.sets, two.sets])
    numbers = np.concatenate([one.numbers, two.numbers])
    order = np.lexsort((numbers, sets))
    sets, numbers = sets[order], numbers[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (np.diff(sets) != 0) | (np.diff(numbers) != 0)
    starts = np.flatnonzero(is_first)

    def total(name: str) -> Any:
        both = np.concatenate([getattr(one, name), sign * getattr(two, name)])[order]
        return np.add.reduceat(both, starts) if len(starts) else both

    merged = replace(
        one,
        log_ids=log_ids,
        sets=sets[starts],
        numbers=numbers[starts],
        n_scenes=total("n_scenes"),
        n_logs=total("n_logs"),
        sums=total("sums"),
    )
    refuse_inexact(merged.sums, merged.measures, merged.steps)
    return merged


def refuse_inexact(sums: FloatArray, measures: Sequence[str], steps: Sequence[float]) -> None:
    """Refuse (..., M) sums of M measures that are not exact any more.

    Raises:
        TableError: a sum is beyond 2^53 steps of its measure, or not a number at all.
    """
    largest = np.abs(sums).reshape(-1, len(steps)).max(axis=0, initial=0)
    for name, most, step in zip(measures, largest, steps, strict=True):
        if not most <= step * 2**53:
            raise TableError(
                f"scenes: `{name}` sums up to {most:g}, but can be counted exactly only up to {step * 2**53:g}; "
                "correct the column, or give it a coarser unit"
            )
