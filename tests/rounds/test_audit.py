"""The audit of a workspace: kept as a derived folder, and resolved by `[select] score = "audited"`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import toy
from oddloop.derived_tables import AUDIT
from oddloop.engine import LocalEngine
from oddloop.errors import ConfigError, OddloopError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds import Shell, open_ledger, run
from oddloop.rounds.audit import audit
from oddloop.rounds.stages.audit import recommended

SHELL = Shell("tester", LocalEngine(2))
AUDITED = toy.CONFIG.replace('policy = "uncertainty"', 'policy = "uncertainty"\nscore = "audited"')


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return measured_everywhere(toy.make_workspace(tmp_path / "ws"))


def measured_everywhere(workspace: Workspace, names: tuple[str, ...] = ("accuracy",), n: int = 48) -> Workspace:
    """Metrics on the first scenes, all of them by default: the toy's own two measured logs give no interval."""
    scene_ids = toy.scenes_table()["scene_id"].slice(0, n)
    rng = np.random.default_rng(2)
    parts = [
        pa.table(
            {
                "scene_id": scene_ids,
                "model_id": ["toy_model"] * n,
                "stack": ["perception"] * n,
                "metric": [name] * n,
                "value": rng.uniform(0.5, 0.9, n),
                "support": pa.array([4] * n, pa.int64()),
            }
        )
        for name in names
    ]
    toy.write(Path(workspace.storage.local_path("lake/metrics")), pa.concat_tables(parts))
    return workspace


def test_the_audit_is_kept_and_a_second_call_does_no_work(workspace: Workspace) -> None:
    first = audit(workspace, SHELL)
    assert first.computed
    assert not audit(workspace, SHELL).computed
    assert first.storage.url.endswith(f"derived/audit/{first.digest}")
    table = first.storage.read_table("audit.parquet")
    assert table.schema.equals(AUDIT.schema())
    assert {"random", "object_count", "scene_length", "classification_entropy_mean"} <= set(table["score"].to_pylist())
    assert set(table["n"].to_pylist()) == {48}
    assert {k: first.manifest["settings"][k] for k in ("metric", "better")} == {
        "metric": "accuracy",
        "better": "higher",
    }


def test_new_metrics_are_audited_anew(workspace: Workspace) -> None:
    first = audit(workspace, SHELL)
    measured_everywhere(workspace, n=40)
    second = audit(workspace, SHELL)
    assert second.computed
    assert second.digest != first.digest
    assert second.manifest["rows"]["scenes"] == 40


def test_few_logs_give_a_warning_and_no_interval(tmp_path: Path) -> None:
    audited = audit(toy.make_workspace(tmp_path / "ws"), SHELL)  # metrics on two logs
    (best,) = recommended(audited)
    assert best.gain_low is None
    assert "2 logs are too few" in str(best)


def test_the_metric_can_be_named(tmp_path: Path) -> None:
    config = toy.CONFIG + '\n[metrics.misses]\nbetter = "lower"\n'
    workspace = measured_everywhere(toy.make_workspace(tmp_path / "ws", config=config), ("accuracy", "misses"))
    assert audit(workspace, SHELL).manifest["settings"]["metric"] == "accuracy"  # the first by name
    assert audit(workspace, SHELL, "misses").manifest["settings"]["better"] == "lower"


def test_a_metric_without_direction_is_refused(tmp_path: Path) -> None:
    workspace = measured_everywhere(toy.make_workspace(tmp_path / "ws"), ("accuracy", "misses"))
    with pytest.raises(ConfigError, match=r"what is good for `misses`; add \[metrics.misses\] with better"):
        audit(workspace, SHELL, "misses")
    undirected = toy.make_workspace(tmp_path / "other", config=toy.CONFIG.replace("[metrics.accuracy]", "[metrics.x]"))
    with pytest.raises(ConfigError, match=r"any of accuracy; add \[metrics.accuracy\]"):
        audit(undirected, SHELL)


def test_without_metrics_there_is_nothing_to_audit(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"no value of `recall`.*it has: accuracy"):
        audit(workspace, SHELL, "recall")
    (Path(workspace.storage.local_path("lake/metrics")) / "part-0.parquet").unlink()
    with pytest.raises(WorkspaceError, match=r"no value of any metric.*it has none: add them to `metrics`"):
        audit(workspace, SHELL)


# --- [select] score = "audited"


def test_audited_resolves_to_the_recommended_score_and_the_proposal_says_so(tmp_path: Path) -> None:
    workspace = measured_everywhere(toy.make_workspace(tmp_path / "ws", config=AUDITED), n=36)
    summary = run(workspace, SHELL)
    audited = audit(workspace, SHELL)
    assert not audited.computed  # the run made it
    ledger = open_ledger(workspace)
    proposal = ledger.round(summary.round_id).proposal
    ledger.close()
    assert proposal["score"] == recommended(audited)[0].score
    assert proposal["pool"]["inputs"]["audit"] == audited.digest
    assert proposal["config"]["select"]["score"] == "audited"
    assert run(workspace, SHELL).n_computed == 0


def test_it_picks_what_the_score_by_name_picks(tmp_path: Path) -> None:
    first = measured_everywhere(toy.make_workspace(tmp_path / "a", config=AUDITED))
    summary = run(first, SHELL)
    (best, *_) = recommended(audit(first, SHELL))
    named = AUDITED.replace('"audited"', f'"{best.score}"')
    second = measured_everywhere(toy.make_workspace(tmp_path / "b", config=named))
    run(second, SHELL)
    picks = [w.storage.read_table(f"rounds/{summary.round_id}/picks.parquet") for w in (first, second)]
    assert picks[0].equals(picks[1])


def test_audited_is_refused_where_there_are_no_metrics(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=AUDITED)
    (Path(workspace.storage.local_path("lake/metrics")) / "part-0.parquet").unlink()
    with pytest.raises(OddloopError, match="no value of any metric, and scores are audited against errors"):
        run(workspace, SHELL)


def test_audited_is_refused_where_no_error_tells_scores_apart(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=AUDITED)
    metrics = toy.metrics_table(toy.scenes_table())
    perfect = metrics.set_column(metrics.column_names.index("value"), "value", pa.array([1.0] * metrics.num_rows))
    toy.write(Path(workspace.storage.local_path("lake/metrics")), perfect)
    with pytest.raises(WorkspaceError, match="the audit can judge no score"):
        run(workspace, SHELL)
