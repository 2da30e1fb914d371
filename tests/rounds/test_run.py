"""The loop: what is stale is done, in order, once; and rounds follow each other."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

import toy
from oddloop.errors import ConfigError, TableError, TrainError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.run import run_stages, train_if_due
from oddloop.rounds.shell import RunSummary
from oddloop.rounds.train_due import labelled_scenes
from toy import label_all_picks, run_at, shell

VECTORS = "[discover.vectors]"
STEPS = ["score", "coverage", "discover", "cards", "select", "propose"]


def ledger_of(folder: Path) -> Ledger:
    return open_ledger(Workspace.open(folder))


def edit_config(folder: Path, old: str, new: str) -> None:
    path = folder / "oddloop.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def computed(summary: RunSummary) -> list[str]:
    return [step.name for step in summary.steps if step.computed]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def training_folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws", train="")
    return tmp_path / "ws"


def test_the_first_run_does_everything_and_the_second_nothing(folder: Path) -> None:
    first, second = run_at(folder), run_at(folder)
    assert computed(first) == STEPS
    assert computed(second) == []
    assert [s.digest for s in first.steps] == [s.digest for s in second.steps]
    assert (second.round_id, second.status) == ("r001", "proposed")
    assert re.fullmatch(r"labels of \d+ of \d+ scenes of r001", second.waiting_for)
    assert [event.kind for event in ledger_of(folder).events("r001")] == ["opened", "proposed"]


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        # a seed: only what draws
        ("seed = 3", "seed = 4", ["coverage", "cards", "select", "propose"]),
        # one value of each section: its stage and what stands below it
        ('policy = "uncertainty"', 'policy = "random"', ["select", "propose"]),
        ("budget = 3.0", "budget = 2.0", ["select", "propose"]),
        ("per_frame = 0.2", "per_frame = 0.3", ["select", "propose"]),
        ("neighbours = 5", "neighbours = 6", ["discover", "cards", "select", "propose"]),
        (
            "[discover.vectors]",
            "[coverage]\nn_bootstrap = 10\n[discover.vectors]",
            ["coverage", "cards", "select", "propose"],
        ),
        (
            "[discover.vectors]",
            "[score]\ntemperature = 2.0\n[discover.vectors]",
            ["score", "discover", "cards", "select", "propose"],
        ),
        ("edges = [0.0, 2.5]", "edges = [0.0, 2.6]", ["coverage", "cards", "select", "propose"]),
        # what no stage reads: nothing
        ('name = "toy"', 'name = "renamed"', []),
        (VECTORS, f"[engine]\nworkers = 1\nbatch_rows = 7\n{VECTORS}", []),
    ],
)
def test_only_what_is_downstream_of_a_change_runs_again(folder: Path, old: str, new: str, again: list[str]) -> None:
    run_at(folder)
    edit_config(folder, old, new)
    assert computed(run_at(folder)) == again


def test_changed_metrics_do_not_score_again(folder: Path) -> None:
    run_at(folder)
    table = toy.metrics_table(toy.scenes_table())
    toy.write(folder / "lake/metrics", table.set_column(4, "value", pa.array([0.5] * table.num_rows)))
    assert computed(run_at(folder)) == ["coverage", "cards", "select", "propose"]


def test_changed_predictions_run_everything_but_coverage_again(folder: Path) -> None:
    run_at(folder)
    frames = toy.frames_table(toy.scenes_table())
    toy.write(folder / "lake/predictions/classification/toy_model", toy.predictions_table(frames, seed=9))
    assert computed(run_at(folder)) == ["score", "discover", "cards", "select", "propose"]


def test_batch_size_and_workers_do_not_change_any_result(folder: Path, tmp_path: Path) -> None:
    digest = run_at(folder).steps[0].digest
    one = (folder / f"derived/score/{digest}/scene_scores.parquet").read_bytes()
    other = tmp_path / "other"
    toy.make_workspace(other, config=toy.CONFIG + "\n[engine]\nworkers = 1\nbatch_rows = 7\n")
    assert run_at(other).steps[0].digest == digest
    assert (other / f"derived/score/{digest}/scene_scores.parquet").read_bytes() == one


def test_a_proposal_can_be_traced_to_everything_it_came_from(folder: Path) -> None:
    summary = run_at(folder)
    state = ledger_of(folder).round("r001")
    digests = {step.name: step.digest for step in summary.steps}
    proposal = state.proposal
    assert proposal["model_id"] == "toy_model"
    assert proposal["score"].startswith("classification_")
    assert (proposal["policy"], proposal["seed"], proposal["budget"]) == ("uncertainty", 3, 3.0)
    assert proposal["stages"] == {k: v for k, v in digests.items() if k != "propose"}
    assert proposal["pool"]["n_candidates"] == 30  # 48 scenes - 12 held out - 6 labelled
    assert re.fullmatch("[0-9a-f]{32}", proposal["policy_source"])
    assert proposal["config"]["cost"]["per_frame"] == 0.2
    # 4 frames x .2 = .8 a scene: 3 scenes for 2.4, a fourth would cost 3.2
    assert [pick["rank"] for pick in state.picks] == [1, 2, 3]
    assert all(pick["reasons"] for pick in state.picks)
    assert proposal["cost"] == pytest.approx(2.4)
    assert sorted(p.name for p in (folder / "rounds/r001").iterdir()) == [
        *("manifest.json", "picks.csv", "picks.parquet", "pool.parquet"),
    ]


def test_a_round_folder_that_was_removed_is_written_again(folder: Path) -> None:
    run_at(folder)
    picks = (folder / "rounds/r001/picks.csv").read_bytes()
    (folder / "rounds/r001/manifest.json").unlink()
    assert computed(run_at(folder)) == ["propose"]
    assert (folder / "rounds/r001/picks.csv").read_bytes() == picks


def test_labelled_picks_close_the_round_and_the_next_one_leaves_them_out(folder: Path) -> None:
    run_at(folder)
    picked = {pick["scene_id"] for pick in ledger_of(folder).round("r001").picks}
    label_all_picks(folder, "r001")
    summary = run_at(folder)
    assert computed(summary) == ["labels", "coverage", "cards", "select", "propose"]
    assert summary.round_id == "r002"
    ledger = ledger_of(folder)
    assert [s.status for s in ledger.rounds()] == ["closed", "proposed"]
    labels = ledger.round("r001").labels
    assert (labels["n_scenes"], labels["cost"]) == (3, 3.0)
    assert labels["predicted_cost"] == pytest.approx(2.4)
    assert not picked & {pick["scene_id"] for pick in ledger.round("r002").picks}


def test_a_budget_below_every_scene_is_an_error_and_picks_nothing(folder: Path) -> None:
    edit_config(folder, "budget = 3.0", "budget = 0.1")
    with pytest.raises(Exception, match=r"0\.8"):
        run_at(folder)
    (state,) = ledger_of(folder).rounds()
    assert (state.round_id, state.status, state.picks) == ("r001", "opened", [])


def test_no_predictions_says_what_to_do(folder: Path) -> None:
    (folder / "lake/predictions/classification/toy_model/part-0.parquet").unlink()
    (folder / "lake/predictions/classification/toy_model").rmdir()
    with pytest.raises(WorkspaceError, match=r"no predictions to score; .* needs neither: `oddloop coverage`"):
        run_at(folder)


def test_two_models_must_be_told_apart(folder: Path) -> None:
    frames = toy.frames_table(toy.scenes_table())
    toy.write(folder / "lake/predictions/classification/other", toy.predictions_table(frames))
    with pytest.raises(WorkspaceError, match=r"holds other, toy_model; say which one in model.id"):
        run_at(folder)
    edit_config(folder, "[select]", '[model]\nid = "other"\n[select]')
    assert run_at(folder).round_id == "r001"


def test_with_a_training_command_the_loop_starts_at_round_zero(training_folder: Path) -> None:
    summary = run_at(training_folder)
    assert computed(summary) == ["train", "score", "coverage", "evaluate", "discover", "cards", "select", "propose"]
    ledger = ledger_of(training_folder)
    zero, one = ledger.rounds()
    assert (zero.round_id, zero.status, zero.training["model_id"]) == ("r000", "closed", "m000")
    assert [e.kind for e in ledger.events("r000")] == ["labelled", "trained", "evaluated", "closed"]
    (overall,) = zero.evaluation["overall"]
    assert (overall["metric"], overall["n_logs"], overall["support"]) == ("accuracy", 2, 48)
    assert one.proposal["model_id"] == "m000"
    assert computed(run_at(training_folder)) == []


def test_each_round_trains_on_all_labels_so_far(training_folder: Path) -> None:
    run_at(training_folder)
    label_all_picks(training_folder, "r001")
    summary = run_at(training_folder)
    assert computed(summary)[:2] == ["labels", "train"]
    state = ledger_of(training_folder).round("r001")
    assert (state.status, state.training["model_id"]) == ("closed", "m001")
    log = training_folder / f"derived/train/{state.training['digest']}/train.log"
    assert log.read_text() == "trained on 9 scenes\n"  # 6 from before oddloop, 3 picks; none of the 12 held out


def test_a_failed_training_is_recorded_and_tried_again(training_folder: Path) -> None:
    edit_config(training_folder, "--seed {seed} ", "--seed {seed} --fail exit ")
    for n_failures in (1, 2):
        with pytest.raises(TrainError, match="exit code 1"):
            run_at(training_folder)
        kinds = [event.kind for event in ledger_of(training_folder).events("r000")]
        assert kinds == ["labelled"] + ["train_failed"] * n_failures
    edit_config(training_folder, "--fail exit ", "")
    assert run_at(training_folder).round_id == "r001"
    assert ledger_of(training_folder).round("r000").status == "closed"


def test_a_single_stage_runs_what_it_needs_and_records_nothing(folder: Path) -> None:
    workspace = Workspace.open(folder)
    assert list(run_stages(workspace, shell(), until="coverage")) == ["score", "coverage"]
    assert train_if_due(workspace, shell()) == {}
    assert ledger_of(folder).rounds() == []
    assert computed(run_at(folder)) == ["discover", "cards", "select", "propose"]


def test_the_caller_s_tables_are_never_modified(folder: Path) -> None:
    before = {p: p.read_bytes() for p in sorted((folder / "lake").rglob("*.parquet"))}
    run_at(folder)
    assert {p: p.read_bytes() for p in sorted((folder / "lake").rglob("*.parquet"))} == before


def test_a_round_that_people_have_begun_to_label_keeps_its_picks(folder: Path) -> None:
    run_at(folder)
    state = ledger_of(folder).round("r001")
    first = pa.table({"scene_id": state.pick_ids[:1], "cost": [1.0]})
    receive_labels(Workspace.open(folder), first, state, at_ns=5)
    edit_config(folder, "seed = 3", "seed = 4")
    edit_config(folder, "budget = 3.0", "budget = 30.0")
    summary = run_at(folder)
    assert ledger_of(folder).round("r001").pick_ids == state.pick_ids
    assert summary.waiting_for == "labels of 2 of 3 scenes of r001"
    label_all_picks(folder, "r001")
    run_at(folder)
    closed = ledger_of(folder).round("r001")
    assert (closed.status, closed.labels["n_scenes"], closed.labels["cost"]) == ("closed", 3, 3.0)


def test_labels_delivered_in_two_overlapping_files_count_once(folder: Path) -> None:
    run_at(folder)
    label_all_picks(folder, "r001")
    ids = ledger_of(folder).round("r001").pick_ids
    table = pa.table(
        {
            "scene_id": ids,
            "labelled_at_ns": pa.array([1] * 3, pa.int64()),
            "round_id": pa.nulls(3, pa.string()),
            "cost": [1.0] * 3,
        }
    )
    toy.write(folder / "lake/labels", table, "again.parquet")
    assert run_at(folder).round_id == "r002"
    assert labelled_scenes(Workspace.open(folder)).num_rows == 9


def test_metrics_of_scenes_that_were_trained_on_do_not_count(folder: Path) -> None:
    run_at(folder)
    metrics = toy.metrics_table(toy.scenes_table())
    flattering = metrics.set_column(0, "scene_id", pa.array([f"log0/s{i % 6}" for i in range(12)]))
    flattering = flattering.slice(0, 6).set_column(4, "value", pa.array([1.0] * 6))
    before = overall(folder)
    toy.write(folder / "lake/metrics", flattering, "train.parquet")
    assert computed(run_at(folder)) == ["coverage", "cards", "select", "propose"]
    assert overall(folder) == before
    assert before["n_scenes"] == 12


def overall(folder: Path) -> dict[str, object]:
    digest = ledger_of(folder).round("r001").proposal["stages"]["coverage"]
    rows = Workspace.open(folder).storage.read_table(f"derived/coverage/{digest}/segment_metrics.parquet").to_pylist()
    (row,) = (row for row in rows if row["segment_id"] == "all")
    return row


def test_a_split_that_nobody_knows_is_refused(folder: Path) -> None:
    scenes = toy.scenes_table()
    index = scenes.schema.get_field_index("split")
    toy.write(folder / "lake/scenes", scenes.set_column(index, "split", pa.array(["test"] * scenes.num_rows)))
    with pytest.raises(TableError, match="split 'test' is not known; use `pool`, `eval`"):
        run_at(folder)


def test_an_error_in_select_does_not_keep_a_model_from_being_evaluated(training_folder: Path) -> None:
    edit_config(training_folder, "budget = 3.0", "budget = 0.1")
    with pytest.raises(ConfigError, match="does not pay for one scene"):
        run_at(training_folder)
    assert ledger_of(training_folder).round("r000").status == "closed"


def test_a_failed_training_does_not_block_the_loop_when_training_is_given_up(training_folder: Path) -> None:
    text = (training_folder / "oddloop.toml").read_text()
    run_at(training_folder)
    label_all_picks(training_folder, "r001")
    edit_config(training_folder, "--seed {seed} ", "--seed {seed} --fail exit ")
    with pytest.raises(TrainError):
        run_at(training_folder)
    (training_folder / "oddloop.toml").write_text(text[: text.index("[train]")])
    assert run_at(training_folder).round_id == "r002"
    assert ledger_of(training_folder).round("r001").status == "closed"


def test_a_training_with_faulty_tables_is_a_failed_training(training_folder: Path) -> None:
    edit_config(training_folder, "--seed {seed} ", "--seed {seed} --fail orphan ")
    with pytest.raises(TrainError, match="scene_id `nowhere` is not in `scenes`"):
        run_at(training_folder)
    assert ledger_of(training_folder).round("r000").status == "train_failed"
    edit_config(training_folder, "--fail orphan ", "")
    assert run_at(training_folder).round_id == "r001"
