"""What a round's report says, as plain frozen dataclasses: first what goes in, then what comes out.

`RoundReport` holds plain values only (no Arrow, no NumPy, no NaN), so that it compares, pickles and becomes JSON as it
is. It has no creation time: the same inputs give the same report, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Better = Literal["lower", "higher"]
REPORT_FORMAT = 1
"""Format number of the JSON of a report.

Format 1: the fields of `RoundReport`; scenes of the map as columns, repeated strings as `Coded`.
"""
MAX_MAP_SCENES = 20_000
"""More scenes than this are thinned on the map, so that the page stays light; the page says so."""
CONTROL = "random"
"""The arm of the evidence that the policy is compared with."""


@dataclass(frozen=True)
class LeadMetric:
    """The metric that the page leads with: its name with unit, what is better, and the level wanted (or None)."""

    name: str
    better: Better
    target: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """All that a round's page is made of; tables are as `tables` and `derived_tables` declare them.

    Attributes:
        workspace: name of the workspace.
        round_id: the round.
        status: where the round stands, such as `proposed` or `evaluated`.
        model_id: the model whose outputs were scored.
        policy: the policy that picked.
        policy_digest: digest of the policy's source.
        score: score column that the policy ranked by; "" where it used none.
        seed: seed of every random choice; also of the map's sample.
        budget: budget of the round, in `cost_unit`.
        cost_unit: unit of every cost.
        version: version of oddloop that made the round.
        pool_digest: digest of the pool snapshot.
        stage_digests: digest by stage.
        attributes: values in order by attribute, in the order of the taxonomy; no values: those found, sorted.
        outside: values outside the ODD by attribute, with every value that is a kind of them.
        confidence: coverage of every interval, such as .95.
        lead: the leading metric, or None where nothing is measured.
        picks: PICKS.
        candidates: CANDIDATES.
        scenes: SCENES with one column per attribute, named as the attribute and holding the values that segments have.
        labelled_ids: scene ids with labels when the round was made.
        segments: SEGMENTS.
        segment_metrics: SEGMENT_METRICS.
        scene_map: SCENE_MAP.
        clusters: LISTED_CLUSTERS.
        evidence: EVIDENCE, or None where nothing was trained yet.
        weighed: what the ledger says of the newest round that was weighed, a sentence each.
        differences: DIFFERENCES between the policy and its control, or None.
        members: CLUSTER_MEMBERS; None where the map's clusters are all that there are.
        gaps: what `coverage.diagnosis.worst_gaps` gives, of all metrics; or None where nothing was diagnosed.
    """

    workspace: str
    round_id: str
    status: str
    model_id: str
    policy: str
    policy_digest: str
    score: str
    seed: int
    budget: float
    cost_unit: str
    version: str
    pool_digest: str
    stage_digests: Mapping[str, str]
    attributes: Mapping[str, tuple[str, ...]]
    confidence: float
    lead: LeadMetric | None
    picks: pa.Table
    candidates: pa.Table
    scenes: pa.Table
    labelled_ids: pa.Array | pa.ChunkedArray
    segments: pa.Table
    segment_metrics: pa.Table
    scene_map: pa.Table
    clusters: pa.Table
    evidence: pa.Table | None = None
    weighed: tuple[str, ...] = ()
    differences: pa.Table | None = None
    gaps: pa.Table | None = None
    members: pa.Table | None = None
    outside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """Where the round comes from: enough to make it again."""

    workspace: str
    round_id: str
    status: str
    model_id: str
    policy: str
    policy_digest: str
    score: str
    seed: int
    version: str
    pool_digest: str
    stage_digests: dict[str, str]


@dataclass(frozen=True)
class Spend:
    """What is picked out of what: counts of scenes and logs, cost against budget."""

    n_scenes: int
    n_logs: int
    cost: float
    budget: float
    cost_unit: str
    n_candidates: int
    n_candidate_logs: int
    cheapest: float | None
    """Least cost of a candidate, in the cost unit."""


@dataclass(frozen=True)
class Reason:
    """Why a scene was picked: a stable code, a number or None, a sentence."""

    code: str
    value: float | None
    text: str


@dataclass(frozen=True)
class Pick:
    """A chosen scene; `score`, `n_frames` and `n_objects` are the candidate's, `attributes` the scene's."""

    rank: int
    scene_id: str
    log_id: str
    cost: float | None
    cumulative_cost: float | None
    gain: float | None
    score: float | None
    n_frames: int | None
    n_objects: int | None
    attributes: dict[str, str]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Attribute:
    """An attribute of the taxonomy with its values in order, then values found beside them."""

    name: str
    values: tuple[str, ...]
    outside: tuple[str, ...] = ()
    """Those of the values that lie outside the ODD."""


@dataclass(frozen=True)
class Exposure:
    """How much of a segment was seen."""

    n_scenes: int = 0
    n_logs: int = 0
    n_frames: int = 0
    duration_s: float = 0.0
    distance_m: float = 0.0


@dataclass(frozen=True)
class Measured:
    """The leading metric of a segment with interval and support; `valid`: enough support to judge."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_scenes: int
    n_logs: int
    support: int
    valid: bool


@dataclass(frozen=True)
class Segment:
    """A segment with its exposure by status and its metric, or None where it was not measured."""

    segment_id: str
    n_way: int
    attributes: tuple[str, ...]
    values: tuple[str, ...]
    labelled: Exposure
    unlabelled: Exposure
    eval: Exposure
    measured: Measured | None


@dataclass(frozen=True)
class Reference:
    """What segments are held against: the `target`, else the `overall` value of the metric."""

    value: float
    kind: Literal["target", "overall"]


@dataclass(frozen=True)
class Weak:
    """A weak segment: `bound` is the favourable end of its interval; `misses`: even that is worse than reference."""

    segment_id: str
    bound: float
    misses: bool


@dataclass(frozen=True)
class Gap:
    """A segment that misses the target of the leading metric, or may: by how much, why, and what it would take.

    `half_width` is of the value's interval, towards the target; `n_needed` more labelled scenes reach the target, with
    a 90 % interval, of which `n_to_label` lie in the pool and `n_to_drive` do not exist yet. None: not known, or
    not asked.
    """

    segment_id: str
    verdict: str
    tier: str
    value: float | None
    half_width: float | None
    target: float
    n_needed: float | None
    n_needed_low: float | None
    n_needed_high: float | None
    n_to_label: int | None
    n_to_drive: int | None
    because: str
    would_change: str


@dataclass(frozen=True)
class EvidencePoint:
    """A metric of a segment after a round of one arm, at the cost spent so far."""

    arm: str
    round: int
    cost: float
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_logs: int


@dataclass(frozen=True)
class PairedDifference:
    """Policy minus control after a round, on the same scenes and with the same draws of logs for the interval."""

    round: int
    difference: float
    ci_low: float | None
    ci_high: float | None
    n_logs: int


@dataclass(frozen=True)
class EvidenceCurve:
    """The learning curves of all arms for one metric of one segment, sorted by arm, the control last, and cost.

    `paired` is None where no control was compared with.
    """

    metric: str
    segment_id: str
    points: tuple[EvidencePoint, ...]
    paired: PairedDifference | None = None


@dataclass(frozen=True)
class Coded:
    """A column of repeated strings: `codes` are indices into `values`; -1 is no value."""

    values: tuple[str, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True)
class SceneMap:
    """The scenes of the cluster map as columns of equal length, sorted by scene_id.

    Attributes:
        n_scenes: scenes with finite coordinates, of which the map shows all or a sample.
        n_without_place: scenes of SCENE_MAP without finite coordinates; they are not shown.
        status: `labelled`, `unlabelled` or `eval`.
    """

    n_scenes: int
    n_without_place: int
    scene_id: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    duration_s: tuple[float | None, ...]
    log: Coded
    cluster: Coded
    status: Coded
    attributes: dict[str, Coded]


@dataclass(frozen=True)
class Cluster:
    """A cluster as its card says, with its labelled share as counts, and its picks of this round."""

    cluster_id: str
    name: str
    rank: int
    why: str
    n_scenes: int
    n_logs: int
    duration_s: float
    n_labelled: int
    n_picked: int
    medoids: tuple[str, ...]


@dataclass(frozen=True)
class RoundReport:
    """All that a round's page says.

    Attributes:
        confidence: coverage of every interval.
        lead: the leading metric.
        reference: what its values are held against.
        weakest: well-supported segments, weakest first, at most five.
        n_judged: segments with enough support to be judged, from which the weakest are taken.
        gaps: segments that miss the target, or may, the surest and largest gaps first.
        missing: by part of the page, what is missing and what to do about it.
    """

    provenance: Provenance
    spend: Spend
    confidence: float
    lead: LeadMetric | None
    reference: Reference | None
    weakest: tuple[Weak, ...]
    n_judged: int
    gaps: tuple[Gap, ...]
    evidence: tuple[EvidenceCurve, ...]
    weighed: tuple[str, ...]
    picks: tuple[Pick, ...]
    attributes: tuple[Attribute, ...]
    segments: tuple[Segment, ...]
    map: SceneMap
    clusters: tuple[Cluster, ...]
    missing: dict[str, str]
    format: int = REPORT_FORMAT

    def segment(self, segment_id: str) -> Segment | None:
        """The segment of that id, or None."""
        return next((s for s in self.segments if s.segment_id == segment_id), None)
