"""Which metric counts as errors: the one that scores are audited against, and that expected errors are fitted to."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from oddloop.config import Config, leading_metric
from oddloop.errors import ConfigError, WorkspaceError


def audited_metric(
    metrics: pa.Table, wanted: str, config: Config, model_id: str
) -> tuple[str, Literal["lower", "higher"]]:
    """Name and direction of the metric to audit against: the wanted one, else the one that reports lead with.

    Raises:
        WorkspaceError: the model has no such metric.
        ConfigError: `oddloop.toml` does not say what is better.
    """
    measured = sorted(metrics["metric"].unique().to_pylist())
    name = wanted or config.coverage.metric or leading_metric(measured, config)
    if not measured or (name and name not in measured):
        has = f"it has: {', '.join(measured)}" if measured else "it has none: add them to `metrics`"
        what = f"`{name}`" if name else "any metric"
        raise WorkspaceError(f"model {model_id} has no value of {what}, and scores are audited against errors; {has}")
    if name not in config.metrics:
        what = f"`{name}`" if name else f"any of {', '.join(measured)}"
        cure = f'add [metrics.{name or measured[0]}] with better = "lower" or "higher"'
        raise ConfigError(f"oddloop.toml does not say what is good for {what}; {cure}")
    return name, config.metrics[name].better
