"""Out-of-distribution scores in a workspace: fitted to training scenes only, kept, refitted when stale, refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.app import main
from oddloop.errors import ConfigError, TableError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.derived import Derived
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run_stages
from oddloop.score import ood, summarize_scenes
from toy import label_all_picks, run_at, shell

SOURCE = ood.Source("toy_model", "enc")
FEATURES = "lake/features/enc"
TRAINED = [f"log0/s{i}" for i in range(toy.N_SCENES_PER_LOG)]  # labelled before oddloop, and not held out


def features() -> pa.Table:
    return toy.features_table(toy.frames_table(toy.scenes_table()))


def configure(folder: Path, section: str) -> None:
    path = folder / "oddloop.toml"
    path.write_text(f"{path.read_text()}\n{section}\n")


def score(folder: Path) -> Derived:
    return run_stages(Workspace.open(folder), shell(), until="score")["score"]


def scene_scores(folder: Path) -> pa.Table:
    return score(folder).storage.read_table("scene_scores.parquet")


def statistics(folder: Path) -> dict[str, ood.Statistics]:
    """Statistics that the present scores are made with, by method."""
    digest = score(folder).manifest["inputs"]["ood"]
    files = (folder / "derived/ood" / digest).glob("*.parquet")
    return {file.stem: ood.from_table(pq.read_table(file)) for file in files}


def computed(folder: Path) -> list[str]:
    return [step.name for step in run_at(folder).steps if step.computed]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    toy.write(tmp_path / "ws" / FEATURES, features())
    return tmp_path / "ws"


def test_features_and_labels_are_all_it_takes(folder: Path) -> None:
    found, training = scene_scores(folder), ood.training_set_of_table(features(), TRAINED, SOURCE)
    fitted = [ood.fit_knn(training), ood.fit_mahalanobis(training)]
    expected = summarize_scenes(ood.score_ood_features(features(), fitted, source=SOURCE))
    names = [name for name in expected.column_names if name.startswith("ood_")]
    assert found.select(names).equals(expected.select(names))
    # the last log is far off: its six scenes are the most anomalous of 48
    order = found.sort_by([("ood_mahalanobis_mean", "descending")])["scene_id"].to_pylist()
    assert sorted(order[:6]) == [f"log7/s{i}" for i in range(6)]


def test_statistics_are_kept_with_their_source_and_scenes(folder: Path) -> None:
    training = ood.training_set_of_table(features(), TRAINED, SOURCE)
    kept = statistics(folder)
    assert sorted(kept) == ["knn", "mahalanobis"]
    assert kept["knn"].digest == ood.fit_knn(training).digest
    assert (kept["knn"].source, kept["knn"].scenes_digest) == (SOURCE, training.scenes_digest)
    # six scenes of four frames; the labelled scenes that are held out are not among them
    assert score(folder).manifest["rows"]["ood_training_rows"] == 24
    assert kept["mahalanobis"].n_rows == 24


@pytest.mark.parametrize(
    ("section", "again"),
    [
        # settings of the statistics
        ("[score.ood]\nmethods = ['knn']", ["score", "discover", "cards", "select", "propose"]),
        ("[score.ood]\nmax_rows = 5", ["score", "discover", "cards", "select", "propose"]),
        ("[score.ood]\nmethods = []", ["score", "discover", "cards", "select", "propose"]),
        # another model of the same name
        ("[model]\ndigest = 'abc'", ["score", "discover", "cards", "select", "propose"]),
        # columns of scenes
        ("[score.ood]\ntelemetry = ['ecod']", ["score", "discover", "cards", "select", "propose"]),
        # what is no setting of theirs
        ("[engine]\nbatch_rows = 7", []),
    ],
)
def test_statistics_are_fitted_again_when_a_setting_of_theirs_changes(
    folder: Path, section: str, again: list[str]
) -> None:
    run_at(folder)
    configure(folder, section)
    assert computed(folder) == again
    assert computed(folder) == []


def test_nothing_is_fitted_again_for_what_the_model_was_not_trained_on(folder: Path) -> None:
    run_at(folder)
    before = sorted(p.name for p in (folder / "derived/ood").iterdir())
    label_all_picks(folder, "r001")  # labels of a round came after the model
    assert "score" not in computed(folder)
    metrics = toy.metrics_table(toy.scenes_table())
    toy.write(folder / "lake/metrics", metrics.set_column(4, "value", pa.array([0.5] * metrics.num_rows)))
    assert "score" not in computed(folder)
    assert sorted(p.name for p in (folder / "derived/ood").iterdir()) == before


def test_changed_features_and_changed_training_scenes_are_scored_again(folder: Path) -> None:
    run_at(folder)
    toy.write(folder / FEATURES, toy.features_table(toy.frames_table(toy.scenes_table()), seed=5))
    assert computed(folder) == ["score", "discover", "cards", "select", "propose"]
    labels = toy.labels_table(toy.scenes_table())
    more = labels.slice(0, 1).set_column(0, "scene_id", pa.array(["log1/s0"]))
    toy.write(folder / "lake/labels", more, "more.parquet")
    assert "score" in computed(folder)
    assert statistics(folder)["knn"].n_rows == 28


def test_scenes_held_out_later_are_left_out_from_then_on(folder: Path) -> None:
    run_at(folder)
    scenes = toy.scenes_table()
    split = pc.if_else(pc.equal(scenes["scene_id"], "log0/s0"), "eval", scenes["split"])
    toy.write(folder / "lake/scenes", scenes.set_column(scenes.schema.get_field_index("split"), "split", split))
    assert statistics(folder)["knn"].n_rows == 20


def test_the_config_says_what_the_model_was_trained_on(folder: Path) -> None:
    pq.write_table(pa.table({"scene_id": ["log2/s0", "log3/s1", "log7/s0", "elsewhere"]}), folder / "trained.parquet")
    configure(folder, "[model]\ntrained_on = 'trained.parquet'")
    # two scenes: one is held out, and of one there are no features
    assert statistics(folder)["knn"].n_rows == 8
    configure_again = (folder / "oddloop.toml").read_text().replace("trained.parquet", "lost.parquet")
    (folder / "oddloop.toml").write_text(configure_again)
    with pytest.raises(WorkspaceError, match=r"model\.trained_on = 'lost\.parquet': no Parquet files at "):
        score(folder)


def test_a_large_training_set_is_sampled_by_the_seed(folder: Path, tmp_path: Path) -> None:
    configure(folder, "[score.ood]\nmethods = ['knn']\nmax_rows = 10")
    one = statistics(folder)["knn"]
    rows = score(folder).manifest["rows"]
    assert (rows["ood_training_rows"], rows["ood_knn"], one.n_rows) == (24, 10, 10)
    # the same sample from other batches and workers, another from another seed
    configure(folder, "[engine]\nworkers = 1\nbatch_rows = 3")
    twin = tmp_path / "twin"
    toy.make_workspace(twin, config=(folder / "oddloop.toml").read_text())
    toy.write(twin / FEATURES, features())
    assert statistics(twin)["knn"].digest == one.digest
    (twin / "oddloop.toml").write_text((twin / "oddloop.toml").read_text().replace("seed = 3", "seed = 4"))
    assert statistics(twin)["knn"].digest != one.digest
    # every row of the sample is a training row
    training = ood.training_set_of_table(features(), TRAINED, SOURCE)
    full = ood.fit_knn(training, k=1)
    kept = ood.score_knn(full, one.bank, source=SOURCE)
    assert kept == pytest.approx(np.zeros(10), abs=1e-6)


def pinned(folder: Path, tmp_path: Path, source: ood.Source) -> None:
    """Statistics that a training elsewhere has left, and a setting that points to them."""
    training = ood.training_set_of_table(features(), ["log3/s0", "log3/s1"], source)
    (tmp_path / "fitted").mkdir()
    pq.write_table(ood.to_table(ood.fit_knn(training)), tmp_path / "fitted/knn.parquet")
    configure(folder, f"[score.ood]\nstatistics = '{tmp_path}/fitted'")


def test_statistics_fitted_elsewhere_are_used_as_they_are(folder: Path, tmp_path: Path) -> None:
    pinned(folder, tmp_path, SOURCE)
    training = ood.training_set_of_table(features(), ["log3/s0", "log3/s1"], SOURCE)
    expected = summarize_scenes(ood.score_ood_features(features(), [ood.fit_knn(training)], source=SOURCE))
    assert scene_scores(folder)["ood_knn_mean"].equals(expected["ood_knn_mean"])
    assert not (folder / "derived/ood").exists()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (ood.Source("model_6", "enc"), "model `model_6`, encoder `enc`"),
        (ood.Source("toy_model", "other_enc"), "model `toy_model`, encoder `other_enc`"),
        (ood.Source("toy_model", "enc", "0badc0de"), "model `toy_model`, encoder `enc`, weights 0badc0de"),
    ],
)
def test_statistics_of_another_model_are_refused_naming_both_digests(
    folder: Path,
    tmp_path: Path,
    other: ood.Source,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pinned(folder, tmp_path, other)
    with pytest.raises(TableError) as refused:
        run_at(folder)
    message = str(refused.value)
    assert f"were fitted to {named} (source digest {other.digest})" in message
    assert f"but the features are of model `toy_model`, encoder `enc` (source digest {SOURCE.digest})" in message
    assert open_ledger(Workspace.open(folder)).rounds() == []
    assert not list(folder.glob("derived/score/*"))
    # and so on the command line
    monkeypatch.setattr(sys, "argv", ["oddloop", "score", "--workspace", str(folder)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert message in capsys.readouterr().err


def test_statistics_are_refused_once_the_workspace_has_another_model(folder: Path, tmp_path: Path) -> None:
    pinned(folder, tmp_path, SOURCE)
    run_at(folder)
    configure(folder, "[model]\ndigest = 'retrained'")
    with pytest.raises(TableError, match="but the features are of model `toy_model`, encoder `enc`, weights retrained"):
        run_at(folder)


def test_a_damaged_statistic_is_not_used(folder: Path, tmp_path: Path) -> None:
    pinned(folder, tmp_path, SOURCE)
    table = pq.read_table(tmp_path / "fitted/knn.parquet").to_pylist()
    changed = [row | {"data": b"7"} if row["field"] == "k" else row for row in table]
    pq.write_table(
        pa.Table.from_pylist(changed, pq.read_schema(tmp_path / "fitted/knn.parquet")), tmp_path / "fitted/knn.parquet"
    )
    with pytest.raises(TableError, match=r"statistics: digest \w+, but \w+ was written"):
        run_at(folder)


def test_methods_that_need_the_last_layer_say_so_and_find_it(folder: Path) -> None:
    configure(folder, "[score.ood]\nmethods = ['vim', 'nnguide', 'react']")
    with pytest.raises(
        TableError, match=r"vim needs the last layer .* give its weights and biases as table `heads/enc`"
    ):
        run_at(folder)
    head = {"label": ["car", "van"], "weight": [[1.0, -1.0, 0.5], [-1.0, 1.0, 0.0]], "bias": [0.5, 1.0]}
    toy.write(folder / "lake/heads/enc", pa.table({**head, "weight": pa.array(head["weight"], pa.list_(pa.float32()))}))
    training = ood.training_set_of_table(features(), TRAINED, SOURCE)
    kept = statistics(folder)
    assert kept["vim"].digest == ood.fit_vim(training, ood.Head(head["weight"], head["bias"])).digest
    assert sorted(kept) == ["nnguide", "react", "vim"]
    # another head is another statistic
    toy.write(folder / "lake/heads/enc", pa.table({**head, "bias": [0.0, 1.0]}))
    assert statistics(folder)["vim"].digest != kept["vim"].digest
    toy.write(folder / "lake/heads/enc", pa.table({**head, "weight": [[1.0], [2.0]]}))
    with pytest.raises(TableError, match=r"have 3 columns, but the weights of `heads/enc` have 1"):
        run_at(folder)


def test_without_training_scenes_auto_scores_nothing_and_a_named_method_says_why(folder: Path) -> None:
    (folder / "lake/labels/part-0.parquet").unlink()
    assert not [name for name in scene_scores(folder).column_names if name.startswith("ood_")]
    assert score(folder).manifest["rows"]["ood_training_rows"] == 0
    configure(folder, "[score.ood]\nmethods = ['knn']")
    with pytest.raises(TableError, match=r"no finite features of any of the 0 scenes that the model was trained on"):
        run_at(folder)


def test_classes_of_the_features_allow_the_relative_score(folder: Path) -> None:
    classes = pa.array(["car" if i % 2 else "van" for i in range(192)])
    toy.write(folder / FEATURES, features().append_column("truth", classes))
    configure(folder, "[score.ood]\nclass_column = 'truth'")
    training = ood.training_set_of_table(features().append_column("truth", classes), TRAINED, SOURCE, "truth")
    kept = statistics(folder)
    assert sorted(kept) == ["knn", "mahalanobis", "relative_mahalanobis"]
    assert kept["relative_mahalanobis"].digest == ood.fit_relative_mahalanobis(training).digest


def test_vectors_of_whole_scenes_are_no_frames(folder: Path) -> None:
    """Else a scene without predictions would cost as much as one frame."""
    scenes = toy.scenes_table()
    vectors = pa.array(np.random.default_rng(0).normal(size=(48, 3)).tolist(), pa.list_(pa.float32()))
    toy.write(folder / FEATURES, pa.table({"scene_id": scenes["scene_id"], "vector": vectors}))
    predictions = toy.predictions_table(toy.frames_table(scenes)).slice(0, 4 * 40)
    toy.write(folder / "lake/predictions/classification/toy_model", predictions)
    found = scene_scores(folder)
    assert found["n_frames_scored"].to_pylist() == [4] * 40 + [0] * 8
    assert found["ood_knn_mean_valid"].to_pylist() == [True] * 48


def test_each_trained_model_has_statistics_of_its_own_scenes(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    toy.make_workspace(folder, train="--features enc")
    run_at(folder)
    first = statistics(folder)["knn"]
    state = open_ledger(Workspace.open(folder)).round("r000")
    assert first.source == ood.Source("m000", "enc", state.training["digest"])
    assert first.n_rows == 24
    label_all_picks(folder, "r001")
    run_at(folder)
    second = statistics(folder)["knn"]
    assert (second.source.model_id, second.n_rows) == ("m001", 36)  # three picks of four frames more
    assert computed(folder) == []


TELEMETRY = "[score.ood]\nmethods = []\ntelemetry = ['ecod', 'iforest', 'lof']"


def test_columns_of_scenes_are_scored_on_request(folder: Path) -> None:
    configure(folder, TELEMETRY + "\ntelemetry_columns = ['ego_speed_mean_mps', 'rain_mm_h']")
    found, scenes = scene_scores(folder), toy.scenes_table()
    columns = ["ego_speed_mean_mps", "rain_mm_h"]
    source = ood.telemetry_source("toy_model", columns)
    training = ood.training_set(ood.telemetry_matrix(scenes, columns), scenes["scene_id"], TRAINED, source)
    expected = ood.score_ecod(ood.fit_ecod(training), ood.telemetry_matrix(scenes, columns), source=source)
    assert found["ood_telemetry_ecod"].to_pylist() == expected.tolist()
    assert [n for n in found.column_names if n.startswith("ood_") and not n.endswith("_valid")] == [
        *("ood_telemetry_ecod", "ood_telemetry_iforest", "ood_telemetry_lof"),
    ]
    assert found["n_frames_scored"].to_pylist() == [4] * 48
    configure_more = (
        (folder / "oddloop.toml")
        .read_text()
        .replace('policy = "uncertainty"', 'policy = "uncertainty"\nscore = "ood_telemetry_lof"')
    )
    (folder / "oddloop.toml").write_text(configure_more)
    assert run_at(folder).round_id == "r001"


def test_a_scene_without_a_number_has_no_score_and_is_told(folder: Path) -> None:
    scenes = toy.scenes_table()
    speed = pc.if_else(pc.equal(scenes["scene_id"], "log1/s1"), None, scenes["ego_speed_mean_mps"])
    toy.write(
        folder / "lake/scenes",
        scenes.set_column(scenes.column_names.index("ego_speed_mean_mps"), "ego_speed_mean_mps", speed),
    )
    configure(folder, TELEMETRY + "\ntelemetry_columns = ['ego_speed_mean_mps']")
    found = scene_scores(folder)
    assert found.filter(pc.invert(found["ood_telemetry_ecod_valid"]))["scene_id"].to_pylist() == ["log1/s1"]
    # unless columns are named, that one is not taken
    (folder / "oddloop.toml").write_text(toy.CONFIG + TELEMETRY)
    assert all(scene_scores(folder)["ood_telemetry_ecod_valid"].to_pylist())


def test_columns_that_are_no_numbers_are_refused(folder: Path) -> None:
    configure(folder, TELEMETRY + "\ntelemetry_columns = ['weather']")
    with pytest.raises(TableError, match="scenes: no numeric columns weather; there are: distance_m"):
        run_at(folder)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("methods = ['auto', 'knn']", r"score\.ood: `auto` chooses the methods itself"),
        ("methods = ['knn', 'knn']", r"score\.ood: `methods` names one twice"),
        ("methods = ['kmn']", r"score\.ood\.methods\.0: .*'knn'"),
        ("max_rows = 0", r"score\.ood\.max_rows"),
        ("method = ['knn']", r"score\.ood\.method: unknown key; did you mean `methods`\?"),
    ],
)
def test_bad_settings_are_named(folder: Path, section: str, message: str) -> None:
    configure(folder, f"[score.ood]\n{section}")
    with pytest.raises(ConfigError, match=message):
        Workspace.open(folder)
