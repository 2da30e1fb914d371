"""Settings of when `oddloop run` proposes no more rounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Count, NotNegative, Positive

_NS_PER_S = 1_000_000_000
Agreement = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True)
class StopConfig:
    """When `oddloop run` proposes no more rounds: as soon as one rule that is set says so; none is set at first."""

    __pydantic_config__ = STRICT
    budget: Annotated[
        Positive | None, Field(description="what all rounds may cost, the next one with them, in the cost unit")
    ] = None
    rounds: Annotated[Count | None, Field(description="most rounds; round zero does not count")] = None
    hours: Annotated[Positive | None, Field(description="most hours since the first round was proposed")] = None
    until: Annotated[str, Field(description="date or time from which on to stop, such as `2026-12-31`; UTC")] = ""
    labelled_share: Annotated[
        Annotated[float, Field(gt=0, le=1)] | None, Field(description="share of the pool's scenes that has labels")
    ] = None
    plateau_rounds: Annotated[
        Count | None,
        Field(description="so many rounds in which the metric did not improve beyond its paired 95 % interval"),
    ] = None
    plateau_gain: Annotated[
        NotNegative | None,
        Field(description="for `plateau_rounds`: and a larger gain than this is ruled out; empty: not asked"),
    ] = None
    gain_under_noise: Annotated[
        bool, Field(description="whether to stop where the last round's gain per cost is below its noise")
    ] = False
    gain_per_cost: Annotated[
        Positive | None,
        Field(description="gain that one cost unit must bring; stop where the last round surely did not"),
    ] = None
    metric: Annotated[
        str, Field(description="metric of these; empty: [coverage] metric, else the first that has a [metrics.<name>]")
    ] = ""
    uncertain_score: Annotated[
        float | None, Field(description="a candidate whose score is above it is worth labelling; see `uncertain_share`")
    ] = None
    uncertain_share: Annotated[
        Annotated[float, Field(ge=0, le=1)], Field(description="stop where at most this share of them is left")
    ] = 0.0
    kappa: Annotated[
        Agreement | None,
        Field(description="Cohen's kappa of the last two models' classes on unlabelled frames, such as 0.99"),
    ] = None
    kappa_rounds: Annotated[
        Count, Field(description="for `kappa`: mean of so many rounds, each model against the one before it")
    ] = 1
    rank_agreement: Annotated[
        Agreement | None,
        Field(description="Spearman's rank correlation of the candidates' scores with those of the round before"),
    ] = None
    targets_met: Annotated[
        bool, Field(description="whether to stop where the verdict on every measured segment with a target is `ok`")
    ] = False

    def __post_init__(self) -> None:
        if self.until:
            _ = self.until_ns
        if self.plateau_gain is not None and self.plateau_rounds is None:
            raise ValueError("`plateau_gain` is asked only together with `plateau_rounds`; set both or neither")

    @property
    def until_ns(self) -> int | None:
        """`until` as ns since the Unix epoch; None where it is not set."""
        if not self.until:
            return None
        try:
            at = datetime.fromisoformat(self.until)
        except ValueError as error:
            wanted = "a date such as 2026-12-31 or a time such as 2026-12-31T18:00"
            raise ValueError(f"`until` is {wanted}, not {self.until!r}") from error
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * _NS_PER_S
