"""Settings of the map of scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT

MapMethod = Literal["pca", "umap", "tsne"]


@dataclass(frozen=True)
class MapConfig:
    """How scenes are laid out on the map. It is for the eye: clusters are found in the vectors, whatever the map."""

    __pydantic_config__ = STRICT
    method: Annotated[
        MapMethod,
        Field(description="`pca`: first two components; `umap`, `tsne`: near scenes together, needs `oddloop[maps]`"),
    ] = "pca"
    neighbours: Annotated[
        int, Field(ge=2, description="how many scenes count as near: UMAP's `n_neighbors`, the perplexity of t-SNE")
    ] = 30
    max_scenes: Annotated[
        int,
        Field(ge=10, description="umap, tsne: fitted to this many scenes, drawn at random; they place the others"),
    ] = 20_000
