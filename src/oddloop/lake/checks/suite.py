"""Which checks a table gets, and which columns each of them needs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from oddloop.config import Config
from oddloop.lake.checks import attributes, boxes, columns, modes, probs, tensors, vectors
from oddloop.lake.checks.batch import Batch
from oddloop.lake.checks.notes import Notes
from oddloop.lake.checks.schema import Wanted, declared, one_of
from oddloop.tables import (
    CLASSIFICATION,
    DETECTION,
    FEATURES,
    HEADS,
    LABELS,
    METRICS,
    PLANNING,
    RISK,
    SCENES,
    SEGMENTATION,
    SPLITS,
    STACKS,
    STRING,
    TRACKS,
    TRAJECTORY,
    TableSpec,
)

Run = Callable[[Batch, Notes], None]


@dataclass(frozen=True)
class Check:
    """One check of values, and the columns without which it is left out."""

    columns: tuple[str, ...]
    run: Run


def wanted_columns(spec: TableSpec, config: Config) -> list[Wanted]:
    """Columns to read from a table: the declared ones and, of scenes, the attributes."""
    extra = attributes.wanted_attributes(config.attributes) if spec is SCENES else []
    alone = [column for column in spec.columns if column.name not in spec.one_of[:1]]
    return [*map(declared, alone), *one_of(spec), *extra]


def checks_of(spec: TableSpec, config: Config) -> list[Check]:
    """All checks of a table's values, in the order in which they run."""
    own = OWN_CHECKS.get(spec.name, ())
    listed = [_on(run, *names) for run, names in own]
    return [*_declared_checks(spec), *listed, *_config_checks(spec, config)]


def _on(run: Callable[..., None], *names: str) -> Check:
    return Check(names, functools.partial(run, *names))


def _declared_checks(spec: TableSpec) -> list[Check]:
    solid = [column for column in spec.columns if not column.nullable]
    nulls = [_on(columns.check_nulls, column.name) for column in solid]
    empty = [_on(columns.check_empty, column.name) for column in solid if column.type == STRING]
    given = [Check((), functools.partial(columns.check_given, spec.one_of))] if spec.one_of else []
    return nulls + empty + given


def _config_checks(spec: TableSpec, config: Config) -> list[Check]:
    if spec is METRICS:
        run = functools.partial(columns.tally_unknown, "undeclared-metric", "metric", tuple(config.metrics))
        return [Check(("metric",), run)]
    if spec is not SCENES:
        return []
    listed = {name: a for name, a in config.attributes.items() if a.values and a.kind != "binned"}
    return [Check(a.columns_of(n), functools.partial(attributes.check_values, n, a)) for n, a in listed.items()]


def _check_split(name: str, batch: Batch, notes: Notes) -> None:
    columns.tally_unknown("unknown-split", name, SPLITS, batch, notes)


def _check_stack(name: str, batch: Batch, notes: Notes) -> None:
    columns.tally_unknown("unknown-stack", name, STACKS, batch, notes)


OWN_CHECKS: dict[str, tuple[tuple[Callable[..., None], tuple[str, ...]], ...]] = {
    SCENES.name: (
        (columns.check_duration, ("duration_s",)),
        (columns.check_amount, ("distance_m",)),
        (columns.check_amount, ("n_frames",)),
        (_check_split, ("split",)),
    ),
    CLASSIFICATION.name: (
        (probs.check_member_probs, ("probs",)),
        (probs.check_class_count, ("probs",)),
        (probs.check_member_logits, ("logits",)),
        (probs.check_class_count, ("logits",)),
    ),
    DETECTION.name: ((boxes.check_boxes, ("boxes",)), (boxes.check_members, ("boxes", "n_members"))),
    SEGMENTATION.name: (
        (tensors.check_kind, ("kind",)),
        (tensors.check_size, ("tensor", "shape", "dtype")),
        (columns.check_finite, ("scale",)),
        (columns.check_finite, ("zero_point",)),
    ),
    TRAJECTORY.name: (
        (probs.check_member_probs, ("mode_probs",)),
        (modes.check_modes, ("modes",)),
        (modes.check_shapes, ("modes", "mode_probs")),
    ),
    RISK.name: ((columns.check_share, ("collision_prob",)), (columns.check_finite, ("criticality",))),
    PLANNING.name: (
        (modes.check_candidates, ("candidates",)),
        (modes.check_weights, ("weights", "candidates")),
    ),
    TRACKS.name: (
        *((columns.check_finite, (name,)) for name in ("x_m", "y_m", "heading_rad", "speed_mps")),
        *((columns.check_amount, (name,)) for name in ("length_m", "width_m")),
    ),
    FEATURES.name: ((vectors.check_vectors, ("vector",)),),
    HEADS.name: ((vectors.check_vectors, ("weight",)), (columns.check_finite, ("bias",))),
    METRICS.name: (
        (columns.check_finite, ("value",)),
        (columns.check_amount, ("support",)),
        (_check_stack, ("stack",)),
    ),
    LABELS.name: ((columns.check_amount, ("cost",)),),
}
"""Checks beyond what a table's declaration says, each with the columns that it is given, by table name."""
