"""Predicted modes and their probabilities, member by member."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from oddloop import collect
from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score import KERNELS, score_columns
from oddloop.tables import TRAJECTORY

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
from collect.models import unchanged  # noqa: E402

pytestmark = pytest.mark.system
K, H = 3, 4


class Forecaster(torch.nn.Module):
    """K modes of H steps from 5 numbers, with dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.drop = torch.nn.Dropout(0.5)
        self.paths, self.weights = torch.nn.Linear(5, K * H * 2), torch.nn.Linear(5, K)

    def forward(self, x):
        x = self.drop(x)
        return self.paths(x).reshape(-1, K, H, 2), self.weights(x)


def batch(n=6):
    return torch.ones(n, 5), [f"f{i // 3}" for i in range(n)], ["s"] * n, [str(i) for i in range(n)]


def test_modes_of_all_members(tmp_path):
    model = Forecaster().eval()
    with unchanged(model):
        members = collect.checkpoints(model, [model.state_dict(), Forecaster()])
        assert collect.write_trajectory(tmp_path, [batch()], members) == 6
    table = pq.read_table(tmp_path / "part-00000.parquet")
    assert table.schema.equals(TRAJECTORY.schema())
    modes, logits = model(batch()[0])
    assert np.array(table["modes"].to_pylist())[:, 1] == pytest.approx(modes.detach().numpy(), rel=1e-5)
    assert np.array(table["mode_probs"].to_pylist())[:, 0] == pytest.approx(
        logits.softmax(-1).detach().numpy(), rel=1e-5
    )


def test_dropout_spreads_the_members(tmp_path):
    members = collect.mc_dropout(Forecaster(), passes=5, seed=0)
    collect.write_trajectory(tmp_path / "a.parquet", [batch()], members)
    scores = KERNELS["trajectory"](pq.read_table(tmp_path / "a.parquet"), ScoreConfig())
    assert scores.num_rows == 2
    assert all(scores[name].null_count == 0 for name in score_columns(scores))
    assert min(scores["trajectory_member_displacement_max"].to_pylist()) > 0


def test_a_pair_is_picked_and_probabilities_are_kept(tmp_path):
    output = {"p": torch.full((1, 2), 0.5), "xy": torch.zeros(1, 2, 1, 2)}
    given = ({"input": output}, ["f"], ["s"], ["a"])
    members = collect.one_pass(torch.nn.Identity())
    collect.write_trajectory(tmp_path, [given], members, given="probs", pick=lambda out: (out["xy"], out["p"]))
    assert pq.read_table(tmp_path / "part-00000.parquet")["mode_probs"].to_pylist() == [[[0.5, 0.5]]]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(1, K, H, 2), "is a Tensor, not a pair of positions and probabilities; say in `pick` where"),
        ((torch.zeros(1, K, H, 2),) * 3, "is a tuple of 3, not a pair"),
        ((torch.zeros(1, K, H, 3), torch.zeros(1, K)), r"must be \(B,K,H,2\) .* shapes \(1, 3, 4, 3\) and \(1, 3\)"),
        ((torch.zeros(1, K, H, 2), torch.zeros(1, 2)), r"shapes \(1, 3, 4, 2\) and \(1, 2\)"),
        ((torch.zeros(2, K, H, 2), torch.zeros(1, K)), r"its positions, has shape \(2, 3, 4, 2\), but there are 1 ids"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, output, message):
    given = ({"input": output}, ["f"], ["s"], ["a"])
    with pytest.raises(TableError, match=f"batch 0: the model's output.*{message}"):
        collect.write_trajectory(tmp_path / "a.parquet", [given], collect.one_pass(torch.nn.Identity()))
