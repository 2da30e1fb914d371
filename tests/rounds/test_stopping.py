"""`[stop]`: a rule that says stop keeps a round from being proposed, once and for a reason; the rest goes on."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.config import load_config
from oddloop.errors import ConfigError
from oddloop.lake import Workspace
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import RunSummary, Step
from oddloop.rounds.stopping import last_stop
from oddloop.rounds.stopping.agreement import read_classes
from oddloop.rounds.train_hook import trained_folder, trained_tables
from toy import label_all_picks, run_at, shell


def ledger_of(folder: Path) -> Ledger:
    return open_ledger(Workspace.open(folder))


def set_stop(folder: Path, rules: str) -> None:
    path = folder / "oddloop.toml"
    path.write_text(f"{path.read_text().partition(STOP)[0]}{STOP}{rules}\n")


STOP = "\n[stop]\n"


def told(summary: RunSummary, rule: str) -> str:
    (step,) = (step for step in summary.steps if step.name == "stop")
    return str(step.detail[rule])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Predictions in the lake: a labelled round closes at once."""
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def training_folder(tmp_path: Path) -> Path:
    """A training command, and six held-out logs, enough for intervals; what it learns is noise."""
    toy.make_workspace(tmp_path / "ws", train="")
    scenes = toy.scenes_table()
    split = ["pool" if log in ("log0", "log1") else "eval" for log in scenes["log_id"].to_pylist()]
    index = scenes.schema.get_field_index("split")
    toy.write(tmp_path / "ws/lake/scenes", scenes.set_column(index, "split", pa.array(split)))
    set_lift(tmp_path / "ws", 0.0)
    return tmp_path / "ws"


def set_lift(folder: Path, lift: float) -> None:
    """How much more accurate a model is per scene that it was trained on, beside noise."""
    script = folder.parent / "train.py"
    values = f"(.5 + {lift} * n + np.random.default_rng(100 + n).normal(0, .05, len(held_out)))"
    script.write_text(re.sub(r'"value": .*, "support"', f'"value": {values}, "support"', script.read_text()))


def one_round(folder: Path, round_id: str) -> RunSummary:
    label_all_picks(folder, round_id)
    return run_at(folder)


def test_no_rule_asks_nothing(folder: Path) -> None:
    assert "stop" not in [step.name for step in run_at(folder).steps]
    assert ledger_of(folder).events("stopping") == []


def test_rounds_stop_once_and_another_setting_or_go_on_proposes(folder: Path) -> None:
    set_stop(folder, "rounds = 1")
    first = run_at(folder)
    assert first.round_id == "r001"
    assert told(first, "rounds") == "go on: 0 rounds of at most 1 are done."
    stopped = one_round(folder, "r001")
    assert (stopped.round_id, stopped.status) == ("", "stopped")
    assert stopped.waiting_for == "`oddloop run --go-on`, or other settings in [stop]: 1 round of at most 1 is done"
    again = run_at(folder)
    assert (again.status, again.n_computed) == ("stopped", 0)
    (event,) = ledger_of(folder).events("stopping")
    assert (event.kind, event.author, event.payload["after"]) == ("stopped", "tester", "r001")
    assert event.payload["reasons"] == ["1 round of at most 1 is done"]
    assert [state.status for state in ledger_of(folder).rounds()] == ["closed"]

    set_stop(folder, "rounds = 2")
    assert run_at(folder).round_id == "r002"
    assert last_stop(ledger_of(folder)) is None
    assert one_round(folder, "r002").status == "stopped"

    went_on = run(Workspace.open(folder), shell(), go_on=True)
    assert went_on.round_id == "r003"
    assert [event.kind for event in ledger_of(folder).events("stopping")] == ["stopped", "stopped", "went_on"]
    assert run_at(folder).round_id == "r003"  # an open round is never asked about


def test_budget_counts_real_costs_and_the_next_round(folder: Path) -> None:
    set_stop(folder, "budget = 5.3")
    run_at(folder)
    # r001 really cost 3 x 1.0, the next is predicted at 3 x .8 = 2.4: 5.4
    stopped = one_round(folder, "r001")
    assert stopped.status == "stopped"
    assert told(stopped, "budget") == (
        "stop: 3 cost units went into 1 round and the next costs 2.4: 5.4 of the 5.3 that all rounds may cost."
    )
    set_stop(folder, "budget = 5.4")
    assert run_at(folder).round_id == "r002"


def test_a_plateau_stops_and_a_gain_that_is_not_ruled_out_does_not(training_folder: Path) -> None:
    set_stop(training_folder, "plateau_rounds = 1\ngain_under_noise = true")
    first = run_at(training_folder)
    assert first.round_id == "r001"
    assert told(first, "plateau_rounds").startswith("no answer: a plateau of 1 needs 2 evaluated rounds")
    stopped = one_round(training_folder, "r001")
    assert stopped.status == "stopped"
    assert "stop: accuracy did not surely improve in the last round: r001 less r000" in told(stopped, "plateau_rounds")
    assert "36 scenes in 6 logs" in told(stopped, "plateau_rounds")
    assert told(stopped, "gain_under_noise").startswith("stop: r001 gained ")
    set_stop(training_folder, "gain_per_cost = 10.0")
    assert told(run_at(training_folder), "gain_per_cost").startswith("stop: r001 gained at most 0.0")
    set_stop(training_folder, "plateau_rounds = 1\nplateau_gain = 0.0001")
    on = run_at(training_folder)
    assert (on.round_id, told(on, "plateau_rounds")[:47]) == ("r002", "go on: a gain of 0.0001 accuracy in the last ro")


def test_a_gain_that_its_interval_shows_goes_on(training_folder: Path) -> None:
    set_lift(training_folder, 0.03)  # 6 scenes to 9: .09 more, with noise of .05 x sqrt(2 / 36) = .012
    set_stop(training_folder, "plateau_rounds = 1\ngain_under_noise = true")
    run_at(training_folder)
    on = one_round(training_folder, "r001")
    assert on.round_id == "r002"
    assert told(on, "plateau_rounds").startswith(
        "go on: accuracy surely improved in the last round: r001 less r000 +0."
    )
    # r001's labels cost 3 x 1.0
    small = told(on, "gain_under_noise")
    assert re.match(r"go on: r001 gained \+0\.\d+ accuracy \[.*\] for 3 cost units: 0\.0\d+ for each", small)


def test_the_gain_is_that_of_the_metrics_and_lower_may_be_better(training_folder: Path) -> None:
    from oddloop.rounds.stopping.progress import measure_gain

    run_at(training_folder)
    one_round(training_folder, "r001")
    workspace = Workspace.open(training_folder)
    before, after = ledger_of(training_folder).rounds()[:2]
    means = []
    for state in (before, after):
        files = trained_tables(trained_folder(workspace, state))["metrics"]
        means.append(np.mean(files.storage.read_table(files.files[0])["value"].to_numpy()))
    gain = measure_gain(workspace, before, after)
    assert gain.value == pytest.approx(means[1] - means[0])  # all supports are alike
    assert gain.low < gain.value < gain.high
    flipped = replace(workspace.config.metrics["accuracy"], better="lower")
    turned = Workspace(workspace.storage, replace(workspace.config, metrics={"accuracy": flipped}))
    loss = measure_gain(turned, before, after)
    assert (loss.value, loss.low, loss.high) == (-gain.value, -gain.high, -gain.low)


def test_a_metric_without_a_direction_is_an_error(training_folder: Path) -> None:
    set_stop(training_folder, 'plateau_rounds = 1\nmetric = "recall"')
    run_at(training_folder)
    with pytest.raises(ConfigError, match=r"\[stop\] follows 'recall'.*add \[metrics.recall\]"):
        one_round(training_folder, "r001")


def test_two_held_out_logs_are_too_few_for_a_plateau(tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "ws", train="")
    set_stop(tmp_path / "ws", "plateau_rounds = 1")
    run_at(tmp_path / "ws")
    on = one_round(tmp_path / "ws", "r001")
    assert on.round_id == "r002"
    assert told(on, "plateau_rounds").endswith("r001 and r000 share 12 scenes in 2 logs, too few for an interval.")


def test_kappa_is_that_of_the_two_models_on_unlabelled_frames(training_folder: Path) -> None:
    set_stop(training_folder, "kappa = -1.0\nrank_agreement = 1.0")
    assert told(run_at(training_folder), "kappa").startswith(
        "no answer: kappa needs 2 trained models, and so far there are 1"
    )
    stopped = one_round(training_folder, "r001")
    workspace = Workspace.open(training_folder)
    classes = []
    labelled = {f"log0/s{i}" for i in range(6)} | set(ledger_of(training_folder).round("r001").pick_ids)
    unlabelled = sorted({f"log1/s{i}" for i in range(6)} - labelled)
    for state in ledger_of(training_folder).rounds()[:2]:
        files = trained_tables(trained_folder(workspace, state))["predictions/classification"]
        rows = files.storage.read_table(files.files[0]).to_pylist()
        classes.append([int(np.argmax(row["probs"][0])) for row in rows if row["scene_id"] in unlabelled])
        found = read_classes(files, pa.array(unlabelled))
        assert found["class"].to_pylist() == classes[-1]
    kappa = cohen_kappa_score(*classes)
    assert stopped.status == "stopped"
    assert f"kappa {kappa:.3f} of classes of m000 and m001 on unlabelled frames (12)" in told(stopped, "kappa")
    assert told(stopped, "rank_agreement").startswith("go on: rank agreement ")


def test_kappa_over_several_rounds_is_their_mean(training_folder: Path) -> None:
    scenes = toy.scenes_table()  # the held-out logs as they come: enough candidates for three rounds
    toy.write(training_folder / "lake/scenes", scenes)
    set_stop(training_folder, "kappa = 1.0\nkappa_rounds = 2")
    run_at(training_folder)
    assert told(one_round(training_folder, "r001"), "kappa").endswith("needs 3 trained models, and so far there are 2.")
    on = one_round(training_folder, "r002")
    workspace, ledger = Workspace.open(training_folder), ledger_of(training_folder)
    pool = {pick["scene_id"] for pick in workspace.storage.read_table("rounds/r003/pool.parquet").to_pylist()}
    classes = []
    for state in ledger.rounds()[:3]:
        files = trained_tables(trained_folder(workspace, state))["predictions/classification"]
        rows = files.storage.read_table(files.files[0]).to_pylist()
        classes.append([int(np.argmax(row["probs"][0])) for row in rows if row["scene_id"] in pool])
    kappa = np.mean([cohen_kappa_score(*pair) for pair in pairwise(classes)])
    assert f"kappa {kappa:.3f} of classes of m000, m001 and m002 on unlabelled frames (96)" in told(on, "kappa")


def test_a_run_that_is_killed_after_it_stopped_records_it_once(folder: Path) -> None:
    set_stop(folder, "rounds = 1")
    run_at(folder)
    label_all_picks(folder, "r001")

    def die(step: Step) -> None:
        if step.name == "stop":
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(Workspace.open(folder), replace(shell(), on_step=die))
    assert run_at(folder).status == "stopped"
    assert len(ledger_of(folder).events("stopping")) == 1


def test_classes_of_members_logits_and_rows_that_have_none(tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    probs = [
        [[0.6, 0.4], [0.1, 0.9]],  # the mean is .35, .65
        None,
        [[0.5, 0.5]],  # a tie: the first
        [[0.2, 0.3, 0.5]],  # of another number of classes
        [[0.9, 0.9]],  # no distribution
        [[0.0, 1.0]],  # of a scene that is not asked for
    ]
    kind = pa.list_(pa.list_(pa.float32()))
    ids = {"frame_id": list("abcdef"), "scene_id": ["s"] * 5 + ["t"]}
    toy.write(folder, pa.table({**ids, "probs": pa.array(probs, kind)}))
    files = table_files(Storage.open(folder), "predictions/classification")
    assert read_classes(files, pa.array(["s"])).to_pydict() == {"frame_id": ["a", "c", "d"], "class": [1, 0, 2]}
    assert read_classes(files, pa.array([], pa.string())).num_rows == 0
    logits = [[[0.0, 5.0], [1.0, 0.0]], None, [[2.0, -1.0]], [[0.0, 0.0, 9.0]], [[np.nan, 0.0]], [[0.0, 1.0]]]
    toy.write(folder, pa.table({**ids, "logits": pa.array(logits, kind)}))
    files = table_files(Storage.open(folder), "predictions/classification")
    assert read_classes(files, pa.array(["s"])).to_pydict() == {"frame_id": ["a", "c", "d"], "class": [1, 0, 2]}


def test_scores_of_the_same_predictions_agree_of_themselves_which_says_nothing(folder: Path) -> None:
    set_stop(folder, "rank_agreement = 0.5\nkappa = 0.5")
    assert told(run_at(folder), "rank_agreement").startswith("no answer: there was no round yet")
    on = one_round(folder, "r001")
    assert on.round_id == "r002"
    assert told(on, "rank_agreement").startswith("no answer: the predictions are those of r001 still")
    label_all_picks(folder, "r002")
    frames = toy.frames_table(toy.scenes_table())
    toy.write(folder / "lake/predictions/classification/toy_model", toy.predictions_table(frames, seed=9))
    assert told(run_at(folder), "rank_agreement").startswith("go on: rank agreement ")


def test_the_rules_that_look_at_what_is_left(folder: Path) -> None:
    set_stop(
        folder, "uncertain_score = 0.0\nuncertain_share = 0.0\nlabelled_share = 0.2\nhours = 1\ntargets_met = true"
    )
    summary = run_at(folder)
    assert summary.round_id == "r001"
    assert told(summary, "uncertain_score").startswith("go on: 30 of 30 candidates (100.0 %) have classification_")
    assert told(summary, "labelled_share") == (
        "go on: 6 of 36 scenes of the pool have labels: 16.7 %, where 20 % are enough."
    )
    assert told(summary, "hours") == "no answer: there was no round yet from which hours could count."
    assert told(summary, "targets_met") == "no answer: no segment with a target was measured."
    stopped = one_round(folder, "r001")  # 9 of 36
    assert (stopped.status, told(stopped, "labelled_share")[:12]) == ("stopped", "stop: 9 of 3")
    assert told(stopped, "hours") == "go on: 0 hours of 1 have passed since the first round."


def test_targets_and_a_date(folder: Path) -> None:
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace('better = "higher"', 'better = "higher"\ntarget = 0.99'))
    set_stop(folder, "targets_met = true\nuntil = 2100-01-01")
    on = run_at(folder)
    assert on.round_id == "r001"
    assert told(on, "targets_met").startswith("go on: 0 of ")
    assert told(on, "until") == "go on: rounds are proposed until 2100-01-01, which has not come yet."
    set_stop(folder, 'until = "1970-01-01"')
    assert one_round(folder, "r001").status == "stopped"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('until = "soon"', r"stop: `until` is a date such as 2026-12-31"),
        ("plateau_gain = 0.1", r"`plateau_gain` is asked only together with `plateau_rounds`"),
        ("rounds = 0", r"stop.rounds: .*greater than or equal to 1"),
        ("labelled_share = 1.5", r"stop.labelled_share"),
        ("round = 3", r"stop.round: unknown key; did you mean `rounds`"),
    ],
)
def test_bad_settings_are_refused(folder: Path, rules: str, message: str) -> None:
    set_stop(folder, rules)
    with pytest.raises(ConfigError, match=message):
        Workspace.open(folder)


def test_the_how_to_shows_every_setting_and_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/stopping.md").read_text()
    blocks = re.findall(r"^```(toml|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (settings,) = (body for language, body in blocks if language == "toml")
    assert set(asdict(load_config(settings).stop)) - set(tomllib.loads(settings)["stop"]) == {"metric"}
    examples = [body for language, body in blocks if language == "python"]
    for body in examples:
        exec(compile(body, "stopping.md", "exec"), {})
        assert f"{body}```\n\n```text\n{capsys.readouterr().out}```" in page
    assert len(examples) == 2


def test_the_command_line_tells_why(folder: Path) -> None:
    set_stop(folder, "rounds = 1")
    run_at(folder)
    label_all_picks(folder, "r001")
    call = CliRunner().invoke
    ended = call(app, ["run", "-w", str(folder)])
    assert ended.exit_code == 0
    assert "No round is proposed; that takes `oddloop run --go-on`" in ended.output
    assert "rounds/r001/report.html" in ended.output  # the last round's page
    listed = call(app, ["rounds", "-w", str(folder)])
    assert "No round after r001: 1 round of at most 1 is done." in listed.output
    (row,) = json.loads(call(app, ["rounds", "-w", str(folder), "--json"]).stdout)
    assert row["stopped"] == ["1 round of at most 1 is done"]
    assert "r002 is proposed" in call(app, ["run", "-w", str(folder), "--go-on"]).output
    rows = json.loads(call(app, ["rounds", "-w", str(folder), "--json"]).stdout)
    assert [row["stopped"] for row in rows] == [None, None]
