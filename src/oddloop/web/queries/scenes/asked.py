"""What an address may ask of the scenes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from oddloop.web.paging import Asked, PageAsked

Name = Annotated[str, Field(max_length=400)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Limit = Annotated[Number | None, BeforeValidator(lambda said: None if said == "" else said)]
Conditions = Annotated[tuple[Annotated[str, Field(pattern="^[^=]+=", max_length=800)], ...], Field(max_length=100)]
Names = Annotated[tuple[Name, ...], Field(max_length=100)]
Order = Literal["high", "low", "id"]


class ScenesAsked(PageAsked):
    """Conditions on scenes, all of which must hold, and their order."""

    where: Annotated[Conditions, Field(description="attribute=value; several of one attribute: any of them")] = ()
    rest: Annotated[
        Names, Field(description="attributes of which scenes have a value that is not among the most frequent")
    ] = ()
    all: Annotated[Names, Field(description="attributes of which every value is shown")] = ()
    text: Annotated[
        Name, Field(description="words in the id, the log, or names and notes of clusters; all of them")
    ] = ""
    score: Annotated[Name, Field(description="a score of scenes; by default that of the newest round")] = ""
    at_least: Annotated[Limit, Field(description="least score")] = None
    at_most: Annotated[Limit, Field(description="greatest score")] = None
    labelled: Annotated[Literal["", "yes", "no"], Field(description="whether scenes have labels")] = ""
    split: Annotated[Literal["", "pool", "eval"], Field(description="`eval`: held out")] = ""
    cluster: Annotated[Name, Field(description="cluster")] = ""
    scenario: Annotated[Name, Field(description="name that people gave to clusters")] = ""
    set: Annotated[Name, Field(description="name of a kept set of scenes")] = ""
    like: Annotated[Names, Field(description="scenes that the others should be like")] = ()
    unlike: Annotated[Names, Field(description="scenes that the others should not be like; needs `like`")] = ()
    sort: Annotated[
        Order, Field(description="highest or lowest score first, or by id; with `like`: the likest first")
    ] = "high"

    def values_of(self, attribute: str) -> tuple[str, ...]:
        """Values that are asked for of an attribute."""
        found = (condition.partition("=") for condition in self.where)
        return tuple(value for name, _, value in found if name == attribute)

    @property
    def conditioned(self) -> tuple[str, ...]:
        """Attributes that anything is asked of."""
        return tuple(dict.fromkeys([*(c.partition("=")[0] for c in self.where), *self.rest]))


class SceneAsked(Asked):
    """Which scene."""

    id: Annotated[str, Field(min_length=1, max_length=1000, description="scene")]
    score: Annotated[Name, Field(description="a score of scenes; by default that of the newest round")] = ""
    scores: Annotated[Literal["", "all"], Field(description="`all`: also every other score, which may be hundreds")] = (
        ""
    )
