"""Settings of `oddloop publish`: what dashboards read, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Pointer

SchemaName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
Format = Annotated[str, Field(pattern="^(duckdb|superset|looker|tableau)$")]


@dataclass(frozen=True)
class PublishConfig:
    """What `oddloop publish` writes for dashboards beside Parquet files."""

    __pydantic_config__ = STRICT
    after_run: Annotated[bool, Field(description="`oddloop run` publishes at its end, where something has changed")] = (
        False
    )
    folder: Annotated[Pointer, Field(description="where to: a path from the workspace, an absolute path, or a URL")] = (
        "publish"
    )
    formats: Annotated[
        tuple[Format, ...],
        Field(
            description="what to make of the Parquet files: `duckdb` (a read-only file), `superset` (a bundle of "
            "assets), `looker` (a LookML project), `tableau` (`.hyper` files; needs `oddloop[tableau]`)"
        ),
    ] = ("duckdb", "superset", "looker")
    postgres: Annotated[
        str, Field(description="database that gets the tables as well, `postgresql://user@host/database`; empty: none")
    ] = ""
    postgres_password_env: Annotated[
        str, Field(description="environment variable with its password; empty: the URL has it, or none is needed")
    ] = ""
    schema: Annotated[SchemaName, Field(description="schema of the tables in PostgreSQL")] = "oddloop"
    web_url: Annotated[
        str, Field(description="where people reach `oddloop serve`, so that dashboards link to scenes; empty: no links")
    ] = ""
    scores: Annotated[
        tuple[str, ...], Field(description="scene scores to publish, besides the one that the policy ranks by")
    ] = ()
    superset_database: Annotated[
        str,
        Field(
            description="SQLAlchemy URI by which Superset reads the tables; empty: the DuckDB file, at its path here"
        ),
    ] = ""
    looker_connection: Annotated[
        Pointer, Field(description="name of Looker's connection to the database that holds the tables")
    ] = "oddloop"

    def __post_init__(self) -> None:
        if self.postgres and not self.postgres.startswith(("postgresql://", "postgresql+pg8000://")):
            raise ValueError("`postgres` is a URL that begins with postgresql://")
        if self.postgres_password_env and not self.postgres:
            raise ValueError("`postgres_password_env` is of the database in `postgres`; set both or neither")
        if self.web_url and not self.web_url.startswith(("http://", "https://")):
            raise ValueError(f"`web_url` begins with http:// or https://, not {self.web_url!r}")
        if "superset" in self.formats and "duckdb" not in self.formats and not self.superset_database:
            raise ValueError("Superset needs a database: add `duckdb` to `formats`, or set `superset_database`")
