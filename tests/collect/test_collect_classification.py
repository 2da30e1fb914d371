"""Class probabilities of MC-dropout passes and of checkpoints, while the model stays as it was."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pyarrow.parquet as pq
import pytest

from oddloop import collect
from oddloop.config import ScoreConfig
from oddloop.errors import OddloopError, TableError
from oddloop.score import KERNELS, softmax
from oddloop.tables import CLASSIFICATION

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
from collect.models import alike, batches_of, classifier, state, unchanged  # noqa: E402

pytestmark = pytest.mark.system
INPUTS = torch.linspace(-2, 2, 20).reshape(10, 2)


def numbers_of(path, column="logits"):
    return np.array(pq.read_table(path)[column].to_pylist())


def probs_of(path):
    return softmax(numbers_of(path))


def test_passes_of_dropout_become_members(tmp_path):
    model = classifier()
    with unchanged(model):
        members = collect.mc_dropout(model, passes=20, seed=0)
        assert collect.write_classification(tmp_path / "a.parquet", batches_of(INPUTS, 4), members) == 10
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.equals(CLASSIFICATION.schema().remove(2))
    assert table["frame_id"].to_pylist() == [f"f{i:03d}" for i in range(10)]
    logits = numbers_of(tmp_path / "a.parquet")
    assert logits.shape == (10, 20, 3)
    assert len(np.unique(logits[0], axis=0)) > 10  # 2^8 masks
    scores = KERNELS["classification"](table, ScoreConfig(measures=("bald",)))
    assert min(scores["classification_bald"].to_pylist()) > 0


def test_the_mean_over_many_passes_is_that_of_dropout_by_hand(tmp_path):
    """GIVEN one dropout layer of p = 1/2 over two units WHEN passes are many THEN each of 4 masks has a quarter."""
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    path = tmp_path / "a.parquet"
    collect.write_classification(path, [(torch.ones(1, 2), ["f"], ["s"])], collect.mc_dropout(model, 2000, seed=1))
    # Kept units count twice: logits (0 or 2, 0 or 6).
    masks = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 6.0], [2.0, 6.0]])
    assert probs_of(path)[0].mean(axis=0) == pytest.approx(masks.softmax(-1).mean(0).numpy(), abs=0.03)


def test_the_same_seed_gives_the_same_passes_whatever_was_drawn_before(tmp_path):
    model = classifier()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.rand(7)
        members = collect.mc_dropout(model, passes=3, seed=seed)
        collect.write_classification(tmp_path / f"{name}.parquet", batches_of(INPUTS, 4), members)
    a, b, c = (numbers_of(tmp_path / f"{name}.parquet") for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not np.array_equal(a[0], a[4])  # the first rows of two batches do not share their masks
    more = collect.mc_dropout(model, passes=5, seed=0)
    collect.write_classification(tmp_path / "d.parquet", batches_of(INPUTS, 4), more)
    assert np.array_equal(numbers_of(tmp_path / "d.parquet")[:, :3], a)  # further passes add members


def test_batch_normalisation_stays_in_evaluation():
    model = classifier(p=0.0000001)
    wanted = model.eval()(INPUTS[:1])[0].tolist()
    model.train()
    found = next(collect.mc_dropout(model, passes=1, seed=0).outputs(INPUTS[:1], 0))  # in training it needs 2 rows
    assert found[0].tolist() == pytest.approx(wanted, rel=1e-4)


class Own(torch.nn.Module):
    """Calls dropout as a function, and has batch normalisation below it."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x):
        return torch.nn.functional.dropout(self.norm(x), 0.5, training=self.training)


LAYERS = {
    "attention": lambda: torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True),
    "encoder": lambda: torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True), 2, enable_nested_tensor=False
    ),
    "recurrent": lambda: torch.nn.Sequential(torch.nn.LSTM(8, 8, num_layers=2, dropout=0.5)),
}


@pytest.mark.parametrize("name", list(LAYERS))
def test_layers_with_a_dropout_of_their_own_are_left_on(name):
    model = LAYERS[name]().eval()
    first, second = (
        out[0] if isinstance(out, tuple) else out
        for out in collect.mc_dropout(model, passes=2, seed=0).outputs(torch.ones(2, 5, 8), 0)
    )
    assert not torch.equal(first, second)
    assert not any(module.training for module in model.modules())


def test_modules_of_ones_own_are_named():
    model = Own()
    with unchanged(model):
        first, second = collect.mc_dropout(model, 2, seed=0, also=(Own,)).outputs(torch.ones(4, 2), 0)
    assert not torch.equal(first, second)
    with pytest.raises(OddloopError, match=r"Own has no module with dropout above 0.*`also`.*`checkpoints`"):
        collect.mc_dropout(model, passes=2, seed=0)
    with pytest.raises(OddloopError, match="no module with dropout above 0"):
        collect.mc_dropout(classifier(p=0.0), passes=2, seed=0)
    with pytest.raises(ValueError, match="passes must be 1 or more and seed 0 or more; got 0 and -1"):
        collect.mc_dropout(classifier(), passes=0, seed=-1)


def trained(n):
    """Weights of n trainings, the first those of `classifier()` itself."""
    models = [classifier() for _ in range(n)]
    for i, model in enumerate(models):
        for value in model.parameters():
            value.data += 0.3 * i
    return models


def test_checkpoints_from_anywhere_become_members(tmp_path):
    model, others = classifier(), trained(4)
    torch.save(others[1].state_dict(), tmp_path / "one.pt")
    torch.save({"epoch": 3, "state_dict": others[2].state_dict()}, tmp_path / "two.pt")
    given = [others[0].state_dict(), tmp_path / "one.pt", str(tmp_path / "two.pt"), others[3]]
    with unchanged(model, *others):
        members = collect.checkpoints(model, given)
        collect.write_classification(tmp_path / "a.parquet", batches_of(INPUTS, 4), members)
    wanted = torch.stack([other.eval()(INPUTS).softmax(-1) for other in others], dim=1).detach().numpy()
    # Batches of another size are summed in another order on some processors.
    assert probs_of(tmp_path / "a.parquet") == pytest.approx(wanted, rel=1e-5)
    assert len(members) == 4


def test_checkpoints_in_half_precision_are_taken():
    model = classifier()
    half = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    found = next(collect.checkpoints(model, [half]).outputs(INPUTS, 0))
    assert found.dtype == torch.float32
    assert found.numpy() == pytest.approx(model.eval()(INPUTS).detach().numpy(), abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("4.bias"), r"member 0 does not fit Sequential: `4.bias` is missing there and \(3,\) in the"),
        (lambda w: w.update({"5.bias": torch.ones(1)}), r"`5.bias` is \(1,\) there and missing in the model; give a"),
        (lambda w: w.update({"4.bias": torch.ones(1)}), r"`4.bias` is \(1,\) there and \(3,\) in the model"),
        (lambda w: w.clear(), r"in the model \(and 8 more\); give a state dict with the model's own keys and shapes"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message):
    weights = dict(classifier().state_dict())
    change(weights)
    with pytest.raises(OddloopError, match=message):
        collect.checkpoints(classifier(), [weights])


def test_files_that_are_no_checkpoints_are_named(tmp_path):
    (tmp_path / "a.pt").write_text("no")
    for path in (tmp_path / "a.pt", tmp_path / "none.pt"):
        with pytest.raises(OddloopError, match=f"{path.name}: cannot be read as a checkpoint: .*torch.save"):
            collect.checkpoints(classifier(), [path])
    with pytest.raises(OddloopError, match="member 1 is a int; give a path, a state dict or a module"):
        collect.checkpoints(classifier(), [classifier(), 3])
    with pytest.raises(OddloopError, match="one or more members"):
        collect.checkpoints(classifier(), [])


class Fails(torch.nn.Module):
    """Fails at its third call, after it has drawn a random number."""

    def __init__(self):
        super().__init__()
        self.drop, self.n = torch.nn.Dropout(0.5), 0

    def forward(self, x):
        self.n += 1
        x = self.drop(x)
        if self.n == 3:
            raise ArithmeticError("third call")
        return x


def test_a_failing_pass_leaves_the_model_and_the_file_alone(tmp_path):
    model, path = Fails(), tmp_path / "a.parquet"
    collect.write_classification(path, batches_of(INPUTS, 5), collect.one_pass(model))
    before = path.read_bytes()
    for members in (collect.mc_dropout(model, 4, seed=0), collect.one_pass(model), collect.checkpoints(model, [{}])):
        model.n = 1
        with unchanged(model), pytest.raises(ArithmeticError):
            collect.write_classification(path, batches_of(INPUTS, 2), members)
        assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]
        assert path.read_bytes() == before


def test_a_failing_source_leaves_nothing_behind(tmp_path):
    def batches():
        yield from batches_of(INPUTS, 4)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        collect.write_classification(tmp_path / "m1", batches(), collect.one_pass(classifier()))
    assert list((tmp_path / "m1").iterdir()) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_between_members_and_when_stopped_early_the_model_is_as_it_was(enabled):
    model = classifier()
    for members in (collect.mc_dropout(model, 3, seed=0), collect.checkpoints(model, trained(3)[1:])):
        with torch.set_grad_enabled(enabled), unchanged(model):
            before = state(model)
            outputs = members.outputs(INPUTS, 0)
            assert not next(outputs).requires_grad
            assert alike(before, state(model))
            outputs.close()


def test_no_batch_is_held_while_the_next_is_made(tmp_path):
    seen = []

    def batches():
        for i in range(4):
            gc.collect()
            assert [ref() for ref in seen] == [None] * i
            batch = (torch.ones(2, 2), [f"f{i}", f"g{i}"], ["s", "s"])
            seen.append(weakref.ref(batch[0]))
            yield batch
            del batch

    collect.write_classification(tmp_path / "a.parquet", batches(), collect.mc_dropout(classifier(), 5, seed=0))
    assert len(seen) == 4


def test_small_batches_share_a_row_group(tmp_path):
    collect.write_classification(tmp_path, batches_of(INPUTS, 1), collect.one_pass(classifier()))
    assert pq.ParquetFile(tmp_path / "part-00000.parquet").num_row_groups == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_and_outputs_are_picked(tmp_path, dtype):
    model = torch.nn.Identity()
    inputs = torch.tensor([[0.25, 0.75]], dtype=dtype)
    batch = ({"input": inputs}, ["f"], ["s"])
    wanted = [[[0.25, 0.75]]]
    path = tmp_path / "a.parquet"
    collect.write_classification(path, [batch], collect.one_pass(model), given="probs")
    assert numbers_of(path, "probs").tolist() == wanted
    logs = ({"input": inputs.log()}, ["f"], ["s"])
    collect.write_classification(path, [logs], collect.one_pass(model), pick=lambda out: out)
    assert probs_of(path)[0, 0] == pytest.approx([0.25, 0.75], abs=4e-3)  # bfloat16 has 8 bits


@pytest.mark.parametrize(
    ("batch", "options", "message"),
    [
        ((INPUTS, ["f"], ["s"]), {}, r"batch 0: the model's output has shape \(10, 2\), but there are 1 ids in"),
        ((INPUTS, ["f"]), {}, r"batch 0 must be a tuple \(inputs, frame_id, scene_id\); got 2 parts"),
        (INPUTS, {}, r"batch 0 must be a tuple \(inputs, frame_id, scene_id\); got Tensor"),
        ((INPUTS[:2], ["f", "g"], ["s"]), {}, r"ids must be one per row; got \{'frame_id': 2, 'scene_id': 1\}"),
        ((INPUTS[:2], [1, 2], ["s", "s"]), {}, r"`frame_id` must be strings, .* got int64; convert them with str\(\)"),
        ((INPUTS[:2], ["f", None], ["s", "s"]), {}, "`frame_id` must be strings, none of them None"),
        ((INPUTS[:2], [object(), 1], ["s", "s"]), {}, "`frame_id` must be a sequence of strings"),
        ((INPUTS[:1], ["f"], ["s"]), {"pick": lambda out: {"a": out}}, "is a dict, not a tensor of floats; say in `p"),
        ((INPUTS[:1].long(), ["f"], ["s"]), {}, "is a tensor of torch.int64, not a tensor of floats"),
        ((INPUTS[:1], ["f"], ["s"]), {"pick": lambda out: out[None]}, r"two axes, rows x classes; .* \(1, 1, 2\)"),
        ((INPUTS[:1], ["f"], ["s"]), {"pick": lambda out: out.sum()}, r"has shape \(\), but there are 1 ids in"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, batch, options, message):
    members = collect.one_pass(torch.nn.Identity())
    with pytest.raises(TableError, match=message):
        collect.write_classification(tmp_path / "a.parquet", [batch], members, **options)
    with pytest.raises(ValueError, match='given must be "logits" or "probs"; got \'odds\''):
        collect.write_classification(tmp_path / "a", [(INPUTS, ["f"] * 10, ["s"] * 10)], members, given="odds")


def test_members_of_other_shapes_are_refused(tmp_path):
    members = collect.checkpoints(classifier(), [torch.nn.Linear(2, 3), torch.nn.Linear(2, 4)])
    with pytest.raises(TableError, match=r"batch 0: .* members differ in shape, as \(4, 3\) and \(4, 4\)"):
        collect.write_classification(tmp_path / "a", batches_of(INPUTS, 4), members)


def test_no_batches_give_an_empty_table(tmp_path):
    assert collect.write_classification(tmp_path / "a.parquet", [], collect.one_pass(classifier())) == 0
    assert pq.read_table(tmp_path / "a.parquet").column_names == ["frame_id", "scene_id", "logits"]


class Frames(torch.utils.data.Dataset):
    """(features, frame id, scene id) of ten frames."""

    def __len__(self):
        return len(INPUTS)

    def __getitem__(self, i):
        return INPUTS[i], f"f{i:03d}", "s0"


def test_a_loader_of_such_triples_will_do_and_its_own_draws_do_not_matter(tmp_path):
    members = collect.mc_dropout(classifier(), passes=3, seed=0)
    loader = torch.utils.data.DataLoader(Frames(), batch_size=4)
    assert collect.write_classification(tmp_path / "a.parquet", loader, members) == 10
    collect.write_classification(tmp_path / "b.parquet", batches_of(INPUTS, 4), members)
    assert np.array_equal(numbers_of(tmp_path / "a.parquet"), numbers_of(tmp_path / "b.parquet"))
