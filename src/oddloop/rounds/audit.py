"""The audit of the current model's scores, on request."""

from __future__ import annotations

from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.session import session
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages.audit import run_audit


def audit(workspace: Workspace, shell: Shell, metric: str = "") -> Derived:
    """Audit all scene scores, where that is stale; the scores are made first, where they are.

    Args:
        workspace: the workspace.
        shell: engine, and where to tell of steps.
        metric: metric to audit against; "" for the one that reports lead with.

    Returns:
        the derived folder; in it `audit.parquet` is `derived_tables.AUDIT`, `audit_curves.parquet` AUDIT_CURVES.

    Raises:
        OddloopError: there is no such metric, nobody has said what is better, or no scene has both scores and metric.
    """
    with session(workspace, shell) as held:
        scored = held.score()
        return held.timed("audit", lambda: run_audit(held.context, scored, metric))
