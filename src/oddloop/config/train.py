"""Settings of the team's own commands: the training, and the evaluation where that is apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Count, NotNegative, Positive

_SECRET = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY)$", re.IGNORECASE
)
ExitCode = Annotated[int, Field(ge=1, le=255)]


@dataclass(frozen=True)
class HookConfig:
    """How a command of the team's own is run."""

    __pydantic_config__ = STRICT
    command: Annotated[str, Field(description="the command with its placeholders; empty: none")] = ""
    timeout_s: Annotated[Positive, Field(description="an attempt that takes longer is ended and fails")] = 86400.0
    heartbeat_timeout_s: Annotated[
        Positive | None,
        Field(description="an attempt that writes nothing to {heartbeat} for so long is ended; none: not asked"),
    ] = None
    cwd: Annotated[
        str, Field(description="folder to run in, a path from the workspace; placeholders; empty: the workspace")
    ] = ""
    env: Annotated[
        dict[str, str],
        Field(description="variables of its environment beside those of oddloop; values may have placeholders"),
    ] = field(default_factory=dict)
    secrets: Annotated[
        tuple[str, ...],
        Field(
            description="variables that must be set where oddloop runs; values are never recorded, and cut from logs"
        ),
    ] = ()
    cpus: Annotated[
        Count | None, Field(description="{cpus}, and threads of OpenMP and BLAS; not enforced beyond that")
    ] = None
    memory_mb: Annotated[
        Count | None,
        Field(description="{memory_mb}, and most private memory of each process, in MiB, enforced on Linux"),
    ] = None
    retries: Annotated[int, Field(ge=0, description="attempts after the first; see `retry_exit_codes`")] = 0
    retry_exit_codes: Annotated[
        tuple[ExitCode, ...],
        Field(description="exit codes worth another attempt; 128 + n: ended by signal n, such as 137, out of memory"),
    ] = (75, 137, 143)
    retry_timeouts: Annotated[
        bool, Field(description="whether `timeout_s` or `heartbeat_timeout_s` are worth another attempt")
    ] = True
    retry_wait_s: Annotated[
        NotNegative, Field(description="wait before the second attempt; doubled for each further one, up to an hour")
    ] = 10.0

    def __post_init__(self) -> None:
        if told := sorted(name for name in self.env if _SECRET.search(name)):
            raise ValueError(
                f"`env` is recorded in the ledger; name {', '.join(told)} in `secrets` and set it where oddloop runs"
            )
        if bad := sorted(name for name in (*self.env, *self.secrets) if not name or "=" in name or "\0" in name):
            raise ValueError(f"{bad[0]!r} is no name of a variable")


@dataclass(frozen=True)
class TrainConfig(HookConfig):
    """The team's own training, called with the labelled scenes and an output folder."""

    __pydantic_config__ = STRICT
    command: Annotated[
        str,
        Field(
            description="command with {labelled}, {output}, {model_id}, {seed}, {dataset}, {purpose}, {workspace}, "
            "{python}, {heartbeat}, {attempt}, {cpus} and {memory_mb}; empty: no training"
        ),
    ] = ""


@dataclass(frozen=True)
class EvaluateConfig(HookConfig):
    """The team's own evaluation, where the training does not do it itself: called with a model and held-out scenes."""

    __pydantic_config__ = STRICT
    command: Annotated[
        str,
        Field(
            description="command with {model}, {scenes}, {output}, {model_id}, {seed}, {purpose}, {workspace}, "
            "{python}, {heartbeat}, {attempt}, {cpus} and {memory_mb}; empty: the training writes its metrics"
        ),
    ] = ""
