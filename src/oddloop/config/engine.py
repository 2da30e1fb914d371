"""Settings of where work runs, and how much memory it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count


@dataclass(frozen=True)
class EngineConfig:
    """Where the work runs and how much memory it may take; what comes out does not depend on it."""

    __pydantic_config__ = STRICT
    name: Annotated[
        Literal["local", "ray", "dask"],
        Field(description="`local`: threads of the command itself; `ray`, `dask`: processes here or on a cluster"),
    ] = "local"
    address: Annotated[
        str,
        Field(
            description="running cluster to use: `auto`, `host:port` or `ray://host:port` of Ray, `tcp://host:port` of "
            "Dask; empty: one on this machine, started and stopped with the command"
        ),
    ] = ""
    workers: Annotated[int, Field(ge=0, description="tasks that run at a time; 0: one per core")] = 0
    batch_rows: Annotated[Count, Field(description="rows that a task holds at a time")] = 65536
    memory_mb: Annotated[
        int, Field(ge=0, description="memory that a cluster sets aside for each task, in MB; 0: no reckoning")
    ] = 0
    spill: Annotated[
        str,
        Field(description="folder for what a cluster started here cannot hold in memory; empty: a temporary folder"),
    ] = ""
    retries: Annotated[
        int, Field(ge=0, description="how often a task is run again after its worker or its storage failed")
    ] = 3

    def __post_init__(self) -> None:
        if self.name == "local" and (self.address or self.spill or self.memory_mb):
            raise ValueError('`address`, `memory_mb` and `spill` are of a cluster; set name = "ray" or "dask" as well')
        if self.address and self.spill:
            raise ValueError("`spill` is of a cluster that is started here; leave it out where `address` names one")
