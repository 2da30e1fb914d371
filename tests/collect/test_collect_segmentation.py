"""Dense tensors of a model's passes: what is stored is what the members said, and the kernel reads it."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from oddloop import collect
from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score import KERNELS

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
from collect.models import unchanged  # noqa: E402

pytestmark = pytest.mark.system
IMAGES = torch.linspace(-1, 1, 3 * 2 * 4 * 5).reshape(3, 2, 4, 5)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Conv2d(2, 3, 1))


def batches(n=2):
    ids = [f"f{i}" for i in range(len(IMAGES))]
    return [(IMAGES[i : i + n], ids[i : i + n], ["s"] * len(ids[i : i + n])) for i in range(0, len(IMAGES), n)]


def tensors(path):
    for row in pq.read_table(path).to_pylist():
        yield np.frombuffer(row["tensor"], row["dtype"]).reshape(row["shape"]), row


def test_what_is_stored_is_what_the_model_said(tmp_path):
    model, path = network(), tmp_path / "a.parquet"
    with unchanged(model):
        assert collect.write_segmentation(path, batches(), collect.one_pass(model), dtype="float32") == 3
    model.eval()
    expected = model(IMAGES).detach().numpy()
    for (found, row), logits in zip(tensors(path), expected, strict=True):
        assert (row["shape"], row["kind"]) == ([1, 3, 4, 5], "logits")
        np.testing.assert_allclose(found[0], logits, rtol=1e-5, atol=1e-6)  # sums of another batch size


def test_passes_are_members_that_the_kernel_reads(tmp_path):
    path = tmp_path / "a.parquet"
    collect.write_segmentation(path, batches(), collect.mc_dropout(network(), passes=4, seed=0))
    assert all(found.shape == (4, 3, 4, 5) and found.dtype == np.float16 for found, _ in tensors(path))
    scores = KERNELS["segmentation"](pq.read_table(path), ScoreConfig())
    assert all(scores["segmentation_entropy_mean_valid"].to_pylist())
    assert all(0 < value < np.log(3) for value in scores["segmentation_entropy_mean"].to_pylist())


def test_large_logits_stay_finite_in_half_precision(tmp_path):
    path = tmp_path / "a.parquet"
    model = torch.nn.Conv2d(2, 3, 1)
    model.weight.data[:] = 1e6
    collect.write_segmentation(path, batches(), collect.one_pass(model))
    assert all(np.isfinite(found).all() for found, _ in tensors(path))


def test_outputs_of_other_axes_and_other_settings_are_refused(tmp_path):
    flat = torch.nn.Flatten()
    with pytest.raises(TableError, match=r"batch 0: the model's output must have four axes, rows x classes x height"):
        collect.write_segmentation(tmp_path / "a.parquet", batches(), collect.one_pass(flat))
    assert not (tmp_path / "a.parquet").exists()
    with pytest.raises(ValueError, match="dtype must be"):
        collect.write_segmentation(tmp_path / "a.parquet", [], collect.one_pass(flat), dtype="int8")
