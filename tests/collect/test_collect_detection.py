"""Boxes as torchvision's detectors give them, member by member."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from oddloop import collect
from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score import KERNELS, score_columns

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
from collect.models import unchanged  # noqa: E402

pytestmark = pytest.mark.system
NAMES = ["background", "car", "truck"]


def found(*boxes, **more):
    """What a detector says of one frame: (label, score) with a box that begins at x = 10 · label."""
    corners = [[10.0 * label, 1.0, 10.0 * label + 5, 9.0] for label, _ in boxes]
    return {
        "boxes": torch.tensor(corners).reshape(-1, 4),
        "labels": torch.tensor([label for label, _ in boxes], dtype=torch.int64),
        "scores": torch.tensor([score for _, score in boxes]),
        **more,
    }


class Detector(torch.nn.Module):
    """Gives what it is told, one list of frames after the other."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)

    def forward(self, images):
        assert len(images) == len(self.answers[0])
        return self.answers.pop(0)


def write(path, *answers, ids=("f", "g"), names=NAMES, pick=None):
    models = [Detector(answer) for answer in answers]
    with unchanged(*models):
        members = collect.checkpoints(models[0], models)
        batch = ([torch.zeros(3, 4, 4)] * len(ids), list(ids), ["s"] * len(ids))
        assert collect.write_detection(path, [batch], members, names=names, pick=pick) == len(ids)
    return pq.read_table(path)


def test_boxes_of_all_members_stand_in_their_frames(tmp_path):
    # member 0 sees a car in f, and a truck and a car in g; member 1 sees nothing in f, and a truck in g
    first = [found((1, 0.75)), found((2, 0.5), (1, 0.25))]
    second = [found(), found((2, 0.875))]
    table = write(tmp_path / "a.parquet", first, second)
    assert table.column_names == ["frame_id", "scene_id", "n_members", "boxes"]
    assert table["n_members"].to_pylist() == [2, 2]
    rows = [[(b["member"], b["label"], b["score"], b["x_min_px"]) for b in row] for row in table["boxes"].to_pylist()]
    assert rows == [
        [(0, "car", 0.75, 10.0)],
        [(0, "truck", 0.5, 20.0), (0, "car", 0.25, 10.0), (1, "truck", 0.875, 20.0)],
    ]
    box = table["boxes"].to_pylist()[0][0]
    assert [box[name] for name in ("y_min_px", "x_max_px", "y_max_px")] == [1.0, 15.0, 9.0]
    assert box["probs"] is None
    scores = KERNELS["detection"](table, ScoreConfig())
    assert all(scores[name].null_count == 0 for name in score_columns(scores))


@pytest.mark.parametrize("key", ["probs", "logits"])
def test_values_per_class_are_kept(tmp_path, key):
    values = {key: torch.tensor([[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]], dtype=torch.float16)}
    table = write(tmp_path, [found((1, 0.5), (2, 1.0), **values)], ids=["f"], names={1: "car", 2: "truck"})
    assert [box[key] for box in table["boxes"][0].as_py()] == [[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]


def test_nothing_found_is_not_nothing_asked(tmp_path):
    table = write(tmp_path / "a.parquet", [found(), found()])
    assert table["boxes"].to_pylist() == [[], []]
    assert table["n_members"].to_pylist() == [1, 1]
    assert write(tmp_path / "b.parquet", [], ids=[]).num_rows == 0


def test_outputs_of_another_form_are_picked(tmp_path):
    answer = {"pred": [found((1, 0.5))]}
    model = torch.nn.Identity()
    batch = ({"input": answer}, ["f"], ["s"])
    n = collect.write_detection(tmp_path, [batch], collect.one_pass(model), names=NAMES, pick=lambda out: out["pred"])
    assert n == 1
    assert pq.read_table(tmp_path / "part-00000.parquet")["boxes"][0].as_py()[0]["label"] == "car"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(1, 6), "must be a list of dicts, one per frame; say in `pick` where it is"),
        ([found(), found()], "is of 2 frames, but there are 1 ids in the batch"),
        ([{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0)}], "has no `scores`; there are: boxes, labels; rename"),
        ([found((7, 0.5))], "label 7 has no name; add it to `names`"),
        ([{**found((1, 0.5)), "boxes": torch.zeros(1, 5)}], r"`boxes` must be \(N,4\) in every frame; got \(1, 5\)"),
        ([{**found((1, 0.5)), "boxes": torch.zeros(2, 4)}], r"`boxes`, has shape \(2, 4\), but there are 1 scores in"),
        (
            [{**found((1, 0.5)), "labels": torch.tensor([1, 1])}],
            "`labels` and `scores` of a frame must be as many; got 2 and 1",
        ),
        ([{**found((1, 0.5)), "scores": torch.tensor([1])}], "`scores`, is a tensor of torch.int64, not a tensor of"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, output, message):
    batch = ({"input": output}, ["f"], ["s"])
    with pytest.raises(TableError, match=f"batch 0: the model's output.*{message}"):
        collect.write_detection(tmp_path / "a.parquet", [batch], collect.one_pass(torch.nn.Identity()), names=NAMES)
    assert list(tmp_path.iterdir()) == []
