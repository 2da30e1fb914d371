"""The slice search, wired to the workspace: on the scenes where the current model is measured.

Kept as `derived/slices/<digest>/slices.parquet`, so that a second call does no work.
"""

from __future__ import annotations

from dataclasses import asdict

from oddloop.coverage import encode_attributes
from oddloop.coverage.slices import find_metric_slices
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.scenarios import read_scenarios
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.model import current_model, measured_model
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import Context, make_generator, measured_metrics, metrics_inputs, model_metrics, write_tables
from oddloop.rounds.state import DISCOVERY

SLICES_FILE = "slices.parquet"


def search_workspace(workspace: Workspace, shell: Shell) -> Derived:
    """Search the slices that the current model does worse in than elsewhere, where that is stale.

    Args:
        workspace: the workspace.
        shell: the engine, and where to tell of progress.

    Returns:
        the derived folder; `slices.parquet` in it is `derived_tables.SLICES`.

    Raises:
        WorkspaceError: nobody has said of any metric what is better, or there are no scenes.
    """
    if not workspace.config.metrics:
        raise WorkspaceError(
            f"{workspace.storage.url}: a slice is worse by some metric; say which way it improves: "
            'better = "lower" or "higher" in [metrics.<name>] of oddloop.toml'
        )
    with locked(workspace.storage):
        ledger = open_ledger(workspace)
        try:
            model = current_model(workspace, ledger) or measured_model(workspace)
            scenarios = read_scenarios(workspace, ledger.events(DISCOVERY))
        finally:
            ledger.close()
        return _search(Context(workspace, shell.engine, model, shell.progress, scenarios))


def _search(context: Context) -> Derived:
    config = context.workspace.config
    settings = {
        **asdict(config.coverage.slices),
        "attributes": {name: asdict(attribute) for name, attribute in context.attributes().items()},
        "metrics": {name: asdict(metric) for name, metric in config.metrics.items()},
        "model_id": context.model.model_id,
    }
    inputs = {**context.digests("scenes"), **metrics_inputs(context), **context.scenario_inputs()}
    recipe = Recipe("slices", inputs, settings, seed=config.workspace.seed)

    def write(out: Storage) -> dict[str, int]:
        scenes = context.scenes()
        found = find_metric_slices(
            scenes,
            measured_metrics(model_metrics(context), scenes),
            encode_attributes(scenes, context.attributes()),
            config.metrics,
            config.coverage.slices,
            make_generator(config.workspace.seed, "slices"),
        )
        return write_tables(out, slices=found)

    return derive(context.workspace.storage, recipe, write)
