"""Settings of the experiment tracker that rounds are pushed to, and of what happens when a model goes into service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count, Positive


@dataclass(frozen=True)
class TrackerConfig:
    """Where rounds are pushed to; a tracker that is down never holds a round up."""

    __pydantic_config__ = STRICT
    kind: Annotated[
        str,
        Field(description='`"mlflow"`, or a tracker of your own as `"package.module:Class"`; empty: none'),
    ] = ""
    tracking_uri: Annotated[
        str,
        Field(
            description="of MLflow: `http(s)://…` or `sqlite:///…`, a path from the workspace; "
            "empty: what `MLFLOW_TRACKING_URI` says, else `sqlite:///mlflow.db`"
        ),
    ] = ""
    experiment: Annotated[str, Field(description="experiment to push to; empty: [workspace] name")] = ""
    registered_model: Annotated[
        str, Field(description="registered model whose versions are the trained ones; empty: [workspace] name")
    ] = ""
    loop_id: Annotated[
        str, Field(description="tells this loop from others on the tracker; empty: made from the ledger's first event")
    ] = ""
    max_segments: Annotated[
        Count, Field(description="segments whose metrics are pushed one by one; the table that is pushed has all")
    ] = 200
    timeout_s: Annotated[Positive, Field(description="longest wait for an answer of the tracker, in s")] = 10.0
    options: Annotated[dict[str, str], Field(description="anything that a tracker of your own wants to be told")] = (
        field(default_factory=dict)
    )


@dataclass(frozen=True)
class DeployConfig:
    """What is told when a model goes into service, and which model is scored next."""

    __pydantic_config__ = STRICT
    command: Annotated[
        str,
        Field(
            description="command with {model_id}, {round_id}, {model_uri}, {key}, {workspace} and {python}; empty: none"
        ),
    ] = ""
    webhook: Annotated[str, Field(description="URL that gets a POST of JSON; empty: none")] = ""
    secret_env: Annotated[
        str, Field(description="environment variable with the secret that the POST is signed with; empty: unsigned")
    ] = ""
    timeout_s: Annotated[Positive, Field(description="longest time that the command or the POST may take, in s")] = 60.0
    follow: Annotated[
        Literal["promoted", "newest"],
        Field(
            description="`promoted`: the model in service is scored next, once one is; "
            "`newest`: always the one trained last"
        ),
    ] = "promoted"

    def __post_init__(self) -> None:
        if self.webhook and not self.webhook.startswith(("http://", "https://")):
            raise ValueError(f"`webhook` is a URL that begins with http:// or https://, not {self.webhook!r}")
        if self.secret_env and not self.webhook:
            raise ValueError("`secret_env` signs the POST to `webhook`; set both or neither")
