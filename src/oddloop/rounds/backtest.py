"""Policies tried on the scenes where the current model's errors are known, on request.

Kept as `derived/backtest/<digest>/backtest.parquet`, so that a second call does no work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop import score, select
from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import run_stages
from oddloop.rounds.session import session
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import (
    Context,
    audited_metric,
    metrics_inputs,
    model_metrics,
    policy_source_digest,
    write_tables,
)


def backtest(
    workspace: Workspace, shell: Shell, policies: Sequence[str] = (), *, metric: str = "", n_draws: int = 20
) -> tuple[Derived, dict[str, str]]:
    """Try policies on measured scenes, where that is not done yet; stages that they need are run first.

    Args:
        workspace: the workspace.
        shell: engine, and where to tell of steps.
        policies: names or import paths; none for all that oddloop has and that can run here.
        metric: metric whose errors are to be found; "" for the one that reports lead with.
        n_draws: halves of the logs that are tried.

    Returns:
        the derived folder with `backtest.parquet`, BACKTEST, and the policies that cannot run here with the reason.

    Raises:
        OddloopError: there is no such metric or policy, or too few logs are measured.
    """
    done = run_stages(workspace, shell, until="discover")
    with session(workspace, shell) as held:
        work = _Backtest(held.context, done, metric, n_draws)
        able, unable = work.split(policies)
        return held.timed("backtest", lambda: work.run(able)), unable


class _Backtest:
    def __init__(self, context: Context, done: Mapping[str, Derived], metric: str, n_draws: int) -> None:
        self.context, self.done, self.n_draws = context, done, n_draws
        self.config = context.workspace.config
        self.metrics = model_metrics(context)
        self.metric, self.better = audited_metric(self.metrics, metric, self.config, context.model.model_id)
        self.scores = done["score"].storage.read_table("scene_scores.parquet")

    def split(self, wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Policies that can run here, and the others with the reason; one that was asked for by name must run."""
        able, unable = [], {}
        for name in wanted or select.POLICIES:
            try:
                select.backtest_score(name, self.scores)
            except ConfigError as error:
                if wanted:
                    raise
                unable[name] = str(error)
            else:
                able.append(name)
        return able, unable

    def run(self, policies: Sequence[str]) -> Derived:
        settings: dict[str, Any] = {"metric": self.metric, "better": self.better, "policies": list(policies),
                                    "n_draws": self.n_draws, "cost": asdict(self.config.cost),
                                    "gap_driven": asdict(self.config.select.gap_driven)}  # fmt: skip
        inputs = {
            **self.context.digests("scenes", "labels"),
            **metrics_inputs(self.context),
            **{name: self.done[name].digest for name in ("score", "discover")},
            **{f"policy_source {name}": policy_source_digest(name) for name in policies},
        }
        recipe = Recipe("backtest", inputs, settings, seed=self.config.workspace.seed)
        return derive(self.context.workspace.storage, recipe, lambda out: self._write(policies, out))

    def _write(self, policies: Sequence[str], out: Storage) -> dict[str, int]:
        scenes = self.context.scenes()
        measured = score.measured_scenes(scenes, self.scores, self.metrics, self.metric)
        if not measured.num_rows:
            raise WorkspaceError(f"no scene has both scores and `{self.metric}`, so nothing can be backtested")
        level = score.error_levels(measured["value"].to_numpy(), self.better)
        errors = pa.table({"scene_id": measured["scene_id"], "errors": level * measured["support"].to_numpy()})
        vectors = self.done["discover"].storage.read_table("scene_vectors.parquet")
        table = select.backtest_scenes(
            scenes, self.context.labelled_ids(), self.scores, vectors, errors, policies, self.config.select,
            self.config.cost, n_draws=self.n_draws, seed=self.config.workspace.seed,
        )  # fmt: skip
        return {**write_tables(out, backtest=table), "scenes": measured.num_rows,
                "logs": len(np.unique(measured["log_id"].to_numpy(zero_copy_only=False)))}  # fmt: skip
