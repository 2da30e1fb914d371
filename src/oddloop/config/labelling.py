"""Settings of labelling tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Count, NotNegative, Positive


@dataclass(frozen=True)
class LabellingConfig:
    """What goes to labelling tools, and how what they give back is read."""

    __pydantic_config__ = STRICT
    classes: Annotated[
        tuple[str, ...],
        Field(description="classes of objects; empty: those of `objects` and of the model's boxes"),
    ] = ()
    min_score: Annotated[
        NotNegative, Field(le=1, description="boxes of the model below this score are no pre-labels")
    ] = 0.3
    image_size: Annotated[
        tuple[Count, Count] | None,
        Field(description="[width, height] of images in px, where `frames` has no `width_px` and `height_px`"),
    ] = None
    key_frame_gap_s: Annotated[
        NotNegative, Field(description="s between key frames of a scene, where [cost] frames_per_scene is set")
    ] = 0.0
    uri_prefix: Annotated[
        str, Field(description="put before every `media_uri` that is no URL, as the tool sees the files")
    ] = ""
    cost_per_hour: Annotated[
        Positive | None,
        Field(description="cost of an hour of annotation; empty: known where [cost] unit is hours, minutes or seconds"),
    ] = None
    token_env: Annotated[str, Field(min_length=1, description="environment variable with the tool's access token")] = (
        "ODDLOOP_LABELLING_TOKEN"  # noqa: S105  the name of a variable
    )
    secret_env: Annotated[
        str, Field(min_length=1, description="environment variable with the secret that webhooks are signed with")
    ] = "ODDLOOP_WEBHOOK_SECRET"  # noqa: S105  the name of a variable
    cloud_storage_id: Annotated[
        Count | None, Field(description="CVAT: the cloud storage that holds the images; empty: the server's share")
    ] = None
