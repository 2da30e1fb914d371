"""Out-of-distribution scores agree with PyOD and pytorch-ood, where those are installed.

Both are left out of the project's own environments: PyOD brings matplotlib and numba, pytorch-ood
torch and torchvision. Known differences are undone here, in the place where they are named.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import pytest
from scipy.special import logsumexp

from oddloop.score.ood import (
    Head,
    Source,
    energy,
    fit_ecod,
    fit_knn,
    fit_mahalanobis,
    fit_nnguide,
    fit_react,
    fit_relative_mahalanobis,
    fit_scale,
    fit_vim,
    gen,
    max_logit,
    msp,
    score_ecod,
    score_knn,
    score_mahalanobis,
    score_nnguide,
    score_react,
    score_scale,
    score_vim,
    training_set,
)

pytestmark = pytest.mark.system
SOURCE = Source("m1", "layer4")
TESTS = Path(__file__).parents[1]
PYTORCH_OOD = (
    "pytorch-ood cannot be imported; it needs torchvision, whose import fails beside a CPU build of torch "
    "(operator torchvision::nms does not exist) unless both come from one index: {error}"
)


def load(name: str, reason: str) -> ModuleType:
    """The module, or a skip that says why there is none."""
    # Without our folders: numba, which PyOD needs, takes `tests/coverage` for the package of that name.
    path = [entry for entry in sys.path if Path(entry) != TESTS]
    with warnings.catch_warnings(), mock.patch.object(sys, "path", path):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except (ImportError, RuntimeError, OSError) as error:
            pytest.skip(reason.format(error=error))


def samples(seed: int = 0, n: int = 400, width: int = 8):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, n)
    rows = np.abs(rng.normal(size=(n, width)) + classes[:, None]).astype(np.float32)
    queries = np.abs(rng.normal(size=(50, width)) * 3).astype(np.float32)
    return rows, classes, queries


def train(rows, classes=None):
    scenes = [f"s{i}" for i in range(len(rows))]
    return training_set(rows, scenes, scenes, SOURCE, classes)


class TestPyod:
    REASON = "PyOD is not installed: pip install pyod matplotlib ({error})"

    def test_ecod_row_by_row(self) -> None:
        """PyOD refits with the rows to score appended: one row at a time, it says what ours says of any batch."""
        ecod = load("pyod.models.ecod", self.REASON).ECOD
        rows, _, queries = samples()
        peer = ecod().fit(rows.astype(float))
        expected = [peer.decision_function(query[None].astype(float))[0] for query in queries]
        assert score_ecod(fit_ecod(train(rows)), queries, source=SOURCE) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("k", [1, 5, 50])
    def test_knn_on_rows_of_length_1(self, k: int) -> None:
        knn = load("pyod.models.knn", self.REASON).KNN
        rows, _, queries = (x.astype(float) for x in samples())
        peer = knn(n_neighbors=k, method="largest").fit(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        expected = peer.decision_function(queries / np.linalg.norm(queries, axis=1, keepdims=True))
        assert score_knn(fit_knn(train(rows), k), queries, source=SOURCE) == pytest.approx(expected, rel=1e-6)


class TestPytorchOod:
    @pytest.fixture
    def detectors(self) -> ModuleType:
        return load("pytorch_ood.detector", PYTORCH_OOD)

    @pytest.fixture
    def torch(self, detectors: ModuleType) -> ModuleType:
        return importlib.import_module("torch")

    def test_logits(self, detectors: ModuleType, torch: ModuleType) -> None:
        logits = np.random.default_rng(0).normal(0, 3, (60, 20))
        given = torch.tensor(logits)
        # It gives -max p, and the mean over the classes of GEN.
        assert msp(logits) - 1 == pytest.approx(detectors.MaxSoftmax.score(given).numpy(), rel=1e-6)
        assert max_logit(logits) == pytest.approx(detectors.MaxLogit.score(given).numpy(), rel=1e-6)
        assert energy(logits) == pytest.approx(detectors.EnergyBased.score(given).numpy(), rel=1e-6)
        assert gen(logits) / 20 == pytest.approx(detectors.GEN.score(given, gamma=0.1).numpy(), rel=1e-6)

    def test_knn(self, detectors: ModuleType, torch: ModuleType) -> None:
        rows, classes, queries = samples()
        peer = detectors.KNN(None, k=50, normalize=True)
        peer.fit_features(torch.tensor(rows.astype(float)), torch.tensor(classes))
        expected = peer.predict_features(torch.tensor(queries.astype(float))).numpy()
        assert score_knn(fit_knn(train(rows), 50), queries, source=SOURCE) == pytest.approx(expected, rel=1e-6)

    def test_mahalanobis(self, detectors: ModuleType, torch: ModuleType) -> None:
        # It sums the outer products instead of taking their mean, and halves: ours is 2 n times its score.
        rows, classes, queries = samples()
        n, given = len(rows), (torch.tensor(rows), torch.tensor(classes))
        tied = detectors.Mahalanobis(None).fit_features(*given).predict_features(torch.tensor(queries)).numpy()
        found = score_mahalanobis(fit_mahalanobis(train(rows, classes), shrinkage=0.0), queries, source=SOURCE)
        assert found == pytest.approx(2 * n * tied, rel=1e-3)  # it is in single precision
        relative = detectors.RMD(None).fit_features(*given).predict_features(torch.tensor(queries)).numpy()
        ours = score_mahalanobis(fit_relative_mahalanobis(train(rows, classes), shrinkage=0.0), queries, source=SOURCE)
        assert np.corrcoef(ours, relative)[0, 1] > 0.999

    def test_methods_with_a_head(self, detectors: ModuleType, torch: ModuleType) -> None:
        rows, classes, queries = samples()
        rng = np.random.default_rng(1)
        weight, bias = rng.normal(size=(4, 8)).astype(np.float32), np.full(4, 20, np.float32)
        head, training = Head(weight, bias), train(rows, classes)

        def logits_of(z):
            return torch.flatten(z, 1) @ torch.tensor(weight).T + torch.tensor(bias)

        given, asked = (torch.tensor(rows), torch.tensor(classes)), torch.tensor(queries)
        vim = detectors.ViM(None, d=4, w=torch.tensor(weight), b=torch.tensor(bias)).fit_features(*given)
        ours = score_vim(fit_vim(training, head, 4), queries, source=SOURCE)
        assert ours == pytest.approx(vim.predict_features(asked).numpy(), rel=1e-3, abs=1e-2)
        guide = detectors.NNGuide(None, logits_of, k=10).fit_features(*given).predict_features(asked).numpy()
        stats = fit_nnguide(training, head, np.random.default_rng(0), 10, 1.0)
        assert score_nnguide(stats, queries, source=SOURCE) == pytest.approx(guide, rel=1e-4)
        maps = asked[:, :, None, None]
        react = fit_react(training, head)
        peer = detectors.ReAct(None, logits_of, threshold=react.threshold).predict_feature_maps(maps).numpy()
        assert score_react(react, queries, source=SOURCE) == pytest.approx(peer, rel=1e-5)
        peer = detectors.SCALE(None, logits_of, percentile=0.85).predict_feature_maps(maps).numpy()
        assert score_scale(fit_scale(training, head), queries, source=SOURCE) == pytest.approx(peer, rel=1e-4)


def openood_energy(logits):
    return logsumexp(logits, axis=1)


def test_signs_against_the_confidences_of_openood() -> None:
    """OpenOOD is not on PyPI; its confidences, written out, are the negatives of ours (`msp` less 1)."""
    logits = np.random.default_rng(0).normal(0, 3, (60, 20))
    probs = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    top = np.sort(probs, axis=1)[:, -10:]
    assert msp(logits) == pytest.approx(1 - probs.max(axis=1), rel=1e-6)
    assert max_logit(logits) == pytest.approx(-logits.max(axis=1))
    assert energy(logits) == pytest.approx(-openood_energy(logits))
    assert gen(logits, top=10) == pytest.approx(-(-(top**0.1) * (1 - top) ** 0.1).sum(axis=1), rel=1e-6)
