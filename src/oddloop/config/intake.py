"""Settings of the intake: which of the scenes that come in are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.coverage import AttributeConfig
from oddloop.config.types import STRICT, Count, Name

How = Literal["first", "reservoir"]
_PARTING = ("categorical", "ordered", "binned")


@dataclass(frozen=True)
class IntakeConfig:
    """What `POST /api/v1/keep` says yes to: scenes of a high score, so many per hour and segment."""

    __pydantic_config__ = STRICT
    score: Annotated[str, Field(description="scene score that decides, such as `detection_entropy_sum_mean`")] = ""
    at_least: Annotated[float | None, Field(description="keep no scene whose score is lower")] = None
    quantile: Annotated[
        float | None,
        Field(gt=0, lt=1, description="keep none that is lower than this quantile of the current model's scene scores"),
    ] = None
    by: Annotated[
        tuple[Name, ...],
        Field(description="attributes: each combination of their values is a segment with a limit of its own"),
    ] = ()
    per_hour: Annotated[Count | None, Field(description="scenes that are kept in an hour, at most")] = None
    per_segment_hour: Annotated[
        Count | None, Field(description="scenes of one segment that are kept in an hour, at most")
    ] = None
    limits: Annotated[
        dict[str, Annotated[int, Field(ge=0)]],
        Field(description="instead of `per_segment_hour`: limits by segment, such as `rain=heavy & junction=none`"),
    ] = field(default_factory=dict)
    how: Annotated[
        How,
        Field(
            description="once a segment's limit is reached: `first`: no more; `reservoir`: a draw among all that came "
            "in the hour, so that a scene may take the place of one that was kept before, which may then be let go"
        ),
    ] = "first"
    weighted: Annotated[bool, Field(description="`reservoir`: draw in proportion to the score, not alike")] = False

    def segment(self, values: Mapping[str, str]) -> str:
        """Name of the segment that a scene is in, by its value of each attribute of `by`.

        >>> IntakeConfig(by=("rain", "sky")).segment({"sky": "blue & clear", "rain": "none"})
        'rain=none & sky=blue && clear'
        """
        return " & ".join(f"{name}={values[name].replace('&', '&&')}" for name in self.by)

    def limits_by_segment(self) -> dict[str, int]:
        """`limits` under the names that `segment` gives."""
        return {self.segment(_values_of(text)): limit for text, limit in self.limits.items()}

    def check(self, attributes: Mapping[str, AttributeConfig]) -> None:
        """Refuse attributes that part no scenes, and limits that no scene can fall under.

        Raises:
            ValueError: the first of them is named.
        """
        parting = {name: at for name, at in attributes.items() if at.kind in _PARTING and not at.parents}
        for name in self.by:
            if name not in parting:
                known = ", ".join(parting) or "none"
                raise ValueError(
                    f"[intake] by: `{name}` is no attribute of which a scene has one value; such are: {known}"
                )
        for text in self.limits:
            for name, value in _values_of(text).items():
                _check_value(text, name, value, parting)

    @property
    def is_set(self) -> bool:
        """Whether anything is asked of a scene."""
        return bool(self.score or self.limits) or self.per_hour is not None or self.per_segment_hour is not None

    def __post_init__(self) -> None:
        if self.at_least is not None and self.quantile is not None:
            raise ValueError("`at_least` and `quantile` both say which scores are too low; set one of them")
        if not self.score and (self.at_least is not None or self.quantile is not None or self.weighted):
            raise ValueError("`at_least`, `quantile` and `weighted` are of a score; name it in `score`")
        if self.how == "reservoir" and self.per_segment_hour is None and not self.limits:
            raise ValueError('how = "reservoir" draws for the places of a segment; set `per_segment_hour` or `limits`')
        if self.limits and not self.by:
            raise ValueError("`limits` are of segments; name the attributes in `by`")
        for text in self.limits:
            if set(_values_of(text)) != set(self.by):
                raise ValueError(f"`limits`: {text!r} must name a value of each of {', '.join(self.by)}, and no other")
        if self.weighted and self.how != "reservoir":
            raise ValueError('`weighted` is of how = "reservoir"; set that, or drop it')


def _values_of(segment: str) -> dict[str, str]:
    """Value by attribute, of a segment's name: a `&` within a value is doubled."""
    parts = [part.partition("=") for part in re.split(r"(?<!&) & (?!&)", segment)]
    return {name.strip(): value.strip().replace("&&", "&") for name, _, value in parts}


def _check_value(segment: str, name: str, value: str, attributes: Mapping[str, AttributeConfig]) -> None:
    known = attributes[name].all_values
    if known and value not in (*known, "unknown"):
        raise ValueError(f"[intake] limits: {segment!r}: `{name}` has no value {value!r}; it has: {', '.join(known)}")
