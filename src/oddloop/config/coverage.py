"""Settings of the stage `coverage`: the taxonomy, the metrics, and how segments are judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.scales import SCALES
from oddloop.config.types import STRICT, Count

AttributeKind = Literal["categorical", "ordered", "binned", "multilabel", "flags", "words"]


@dataclass(frozen=True)
class AttributeConfig:
    """One attribute of the taxonomy, read from a column of `scenes`."""

    __pydantic_config__ = STRICT
    kind: Annotated[AttributeKind, Field(description="categorical, ordered, binned, multilabel, flags or words")] = (
        "categorical"
    )
    column: Annotated[str, Field(description="column of `scenes`; empty: the attribute's own name")] = ""
    values: Annotated[tuple[str, ...], Field(description="allowed values in order; empty: those found")] = ()
    aliases: Annotated[
        dict[str, str], Field(description="published spelling = our value, or `unknown`; the column stays as it is")
    ] = field(default_factory=dict)
    parents: Annotated[
        dict[str, str], Field(description="value = the wider value that it is a kind of: its scenes count for both")
    ] = field(default_factory=dict)
    outside: Annotated[tuple[str, ...], Field(description="values outside the ODD")] = ()
    edges: Annotated[tuple[float, ...], Field(description="binned: inner bin edges, each bin closed on the right")] = ()
    unit: Annotated[str, Field(description="unit of a binned column")] = ""
    scale: Annotated[
        str, Field(description="binned: a named scale such as `iso34503:rain`, which gives edges, values and unit")
    ] = ""
    flags: Annotated[
        dict[str, str], Field(description="flags: value = the column of `scenes` that says whether it holds")
    ] = field(default_factory=dict)
    flag_on: Annotated[
        tuple[str, ...], Field(description="flags: texts that mean yes; everything else that is written means no")
    ] = ("Y", "yes", "true", "1")
    words: Annotated[
        dict[str, str],
        Field(description="words: value = a word of a free text, in any case, that tells of it; no word: `otherwise`"),
    ] = field(default_factory=dict)
    otherwise: Annotated[str, Field(description="words: value of a text without any of the words")] = "none"

    def __post_init__(self) -> None:
        if self.scale:
            self._take_scale()
        _refuse_bins(self)
        _refuse_named(self, "flags", self.flags)
        _refuse_named(self, "words", self.words)
        _refuse_links(self)

    def _take_scale(self) -> None:
        """Put the scale's cuts where everybody looks for them; frozen, since they are settled here for good."""
        if self.scale not in SCALES:
            raise ValueError(f"`scale` {self.scale!r} is not known; known: {', '.join(SCALES)}")
        scale = {name: getattr(SCALES[self.scale], name) for name in ("edges", "values", "unit")}
        # A manifest has both, since it holds the settings as they were after this.
        if (self.edges or self.values or self.unit) and any(getattr(self, name) != scale[name] for name in scale):
            raise ValueError("`scale` gives `edges`, `values` and `unit`; drop yours, or drop `scale`")
        for name, value in scale.items():
            object.__setattr__(self, name, value)

    def columns_of(self, name: str) -> tuple[str, ...]:
        """Columns of `scenes` that the attribute of this name is read from."""
        return tuple(self.flags.values()) or (self.column or name,)

    @property
    def all_values(self) -> tuple[str, ...]:
        """Values that are named anywhere, in their order; empty where they are those found."""
        return (*self.values, *self.flags, *self.words)

    @property
    def all_outside(self) -> tuple[str, ...]:
        """Values outside the ODD, with every value that is a kind of one of them."""
        named = dict.fromkeys((*self.all_values, *self.parents, *self.outside))
        return tuple(value for value in named if set(self.family(value)) & set(self.outside))

    def family(self, value: str) -> tuple[str, ...]:
        """A value and every wider one that it is a kind of, from near to far.

        >>> AttributeConfig(parents={"hail": "precipitation", "rain": "precipitation"}).family("hail")
        ('hail', 'precipitation')
        """
        found = [value]
        while (parent := self.parents.get(found[-1])) is not None and parent not in found:
            found.append(parent)
        return tuple(found)


def _refuse_bins(attribute: AttributeConfig) -> None:
    edges, values = attribute.edges, attribute.values
    if (attribute.kind == "binned") != bool(edges):
        raise ValueError('`edges` belongs to kind = "binned", and only to it; give both or neither')
    if edges and list(edges) != sorted(set(edges)):
        raise ValueError(f"`edges` must rise strictly; got {list(edges)}")
    if len(set(values)) < len(values):
        raise ValueError(f"`values` names a value twice; got {list(values)}")
    if edges and len(values) != len(edges) + 1:
        raise ValueError(
            f"{len(edges)} edges make {len(edges) + 1} bins, but `values` names {len(values)}; name every bin"
        )


def _refuse_named(attribute: AttributeConfig, kind: str, named: dict[str, str]) -> None:
    if (attribute.kind == kind) != bool(named):
        raise ValueError(f'`{kind}` belongs to kind = "{kind}", and only to it; give both or neither')
    if named and (attribute.values or attribute.aliases or (attribute.flags and attribute.column)):
        raise ValueError(
            f'kind = "{kind}" takes its values from `{kind}`; drop `values`, `aliases`, and the `column` of flags'
        )


def _refuse_links(attribute: AttributeConfig) -> None:
    """What aliases, parents and the limits of the ODD name must be values, and no value may be its own ancestor."""
    if attribute.kind == "binned" and attribute.aliases:
        raise ValueError('`aliases` are spellings of texts, but kind = "binned" reads numbers; drop them')
    known = {*attribute.values, *attribute.flags, *attribute.words}
    known |= {attribute.otherwise} if attribute.words else set()
    named = {
        "aliases": attribute.aliases.values(),
        "parents": [*attribute.parents, *attribute.parents.values()],
        "outside": attribute.outside,
    }
    for setting, names in named.items():
        strange = sorted(set(names) - known - {"unknown", "none"})
        if strange and known:  # else the values are those found, and these
            raise ValueError(f"`{setting}` names {strange[0]!r}, which is not among `values`; add it there")
    for value in attribute.parents:
        if attribute.parents.get(attribute.family(value)[-1]) is not None:
            raise ValueError(f"`parents` of {value!r} lead in a circle; let one of them have no parent")


@dataclass(frozen=True)
class VolumeConfig:
    """How much labelled data each segment inside the ODD should have; by default nothing is asked for."""

    __pydantic_config__ = STRICT
    exposure: Annotated[
        Literal["n_scenes", "n_logs", "duration_s", "distance_m"], Field(description="what is counted")
    ] = "n_scenes"
    least: Annotated[float, Field(ge=0, description="every segment should have this much")] = 0.0
    share: Annotated[
        Literal["none", "uniform", "fleet"],
        Field(description="share out the labelled total evenly over an attribute's values, or as the whole fleet is"),
    ] = "none"
    max_way: Annotated[int, Field(ge=1, le=3, description="attributes in a segment that has a target, at most")] = 1
    segments: Annotated[dict[str, float], Field(description="segment = what it should have, on top of the others")] = (
        field(default_factory=dict)
    )


@dataclass(frozen=True)
class CurvesConfig:
    """The trainings of `oddloop coverage curves`: sizes x seeds of them."""

    __pydantic_config__ = STRICT
    sizes: Annotated[int, Field(ge=2, description="shares of the labelled scenes; strong evidence needs 6")] = 6
    seeds: Annotated[Count, Field(description="trainings of each share; strong evidence needs 5")] = 5
    smallest_share: Annotated[float, Field(gt=0, lt=1, description="smallest share; they rise to 1")] = 0.1
    parallel: Annotated[Count, Field(description="trainings at a time")] = 1


@dataclass(frozen=True)
class DiagnosisConfig:
    """When a gap is called what."""

    __pydantic_config__ = STRICT
    reach: Annotated[float, Field(gt=1, description="too little data: this many times the scenes would do")] = 20.0
    data_chance: Annotated[
        float, Field(gt=0.5, lt=1, description="`data_limited` from this probability of reaching the target on")
    ] = 0.6
    model_chance: Annotated[float, Field(gt=0, lt=0.5, description="`model_limited` up to this probability")] = 0.1
    label_share: Annotated[
        float, Field(gt=0, le=1, description="`label_noise_limited` where labels disagree by this share of the error")
    ] = 0.8
    label_doubt: Annotated[
        float,
        Field(gt=0, lt=1, description="not `model_limited` where wrong labels explain it with a higher probability"),
    ] = 0.25
    min_scenes: Annotated[Count, Field(description="fewer labelled scenes, and no curve: `coverage_gap`")] = 10
    n_resamples: Annotated[Count, Field(description="resamples of held-out logs and seeds")] = 400


@dataclass(frozen=True)
class SlicesConfig:
    """The search of `oddloop coverage slices` for segments that a model does worse in than elsewhere."""

    __pydantic_config__ = STRICT
    q: Annotated[float, Field(gt=0, lt=0.5, description="false discovery rate: share of slices that chance made")] = (
        0.05
    )
    max_way: Annotated[Literal[1, 2, 3], Field(description="attributes in a slice, at most")] = 3
    min_scenes: Annotated[Count, Field(description="segments with fewer measured scenes are not tested")] = 50
    min_logs: Annotated[Count, Field(description="segments of fewer logs are not tested")] = 5
    each_half: Annotated[
        float, Field(gt=0, le=1, description="p-value that each half of the logs must reach on its own")
    ] = 0.3
    worst_share: Annotated[
        float,
        Field(gt=0, lt=1, description="scenes that count as wrong by a metric that is no rate and has no target"),
    ] = 0.1
    most: Annotated[Count, Field(description="slices listed of a model and metric, at most")] = 50


@dataclass(frozen=True)
class CoverageConfig:
    """Which segments are counted and how sure we are of their metrics."""

    __pydantic_config__ = STRICT
    max_way: Annotated[Literal[1, 2, 3], Field(description="attributes in a segment, at most")] = 2
    min_scenes: Annotated[
        Count, Field(description="segments of three attributes with fewer scenes are counted, but not listed")
    ] = 10
    metric: Annotated[str, Field(description="metric that reports lead with; empty: the first by name")] = ""
    interval: Annotated[
        Literal["bootstrap_by_log", "wilson", "exact"],
        Field(description="interval; wilson and exact (Clopper and Pearson) are for rates in [0, 1] only"),
    ] = "bootstrap_by_log"
    confidence: Annotated[float, Field(gt=0, lt=1, description="coverage of the interval")] = 0.95
    n_bootstrap: Annotated[Count, Field(description="bootstrap replicates")] = 1000
    min_logs: Annotated[int, Field(ge=2, description="fewer logs than this: no bootstrap interval")] = 5
    volume: VolumeConfig = field(default_factory=VolumeConfig)
    curves: CurvesConfig = field(default_factory=CurvesConfig)
    diagnosis: DiagnosisConfig = field(default_factory=DiagnosisConfig)
    slices: SlicesConfig = field(default_factory=SlicesConfig)


@dataclass(frozen=True)
class MetricConfig:
    """What is good for one metric, and what is wanted of it."""

    __pydantic_config__ = STRICT
    better: Annotated[Literal["lower", "higher"], Field(description="direction in which the metric improves")]
    target: Annotated[float | None, Field(description="level to reach in every segment")] = None
    best: Annotated[
        float | None,
        Field(description="value of a perfect model; none: 0 where lower is better, else 1, or the best seen beyond"),
    ] = None
