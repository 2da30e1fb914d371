"""Out-of-distribution scores agree with PyOD and pytorch-ood, where those are installed.

Both are left out of the project's own environments: PyOD brings matplotlib and numba, pytorch-ood
torch and torchvision. Known differences are undone here, in the place where they are named.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

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
from oracles.peers import load, load_beside_torch

pytestmark = pytest.mark.system
SOURCE = Source("m1", "layer4")


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
    """Its own code, but in double precision: it calls `float` and `zeros`, whose rounding would hide what differs."""

    @pytest.fixture
    def detectors(self) -> ModuleType:
        return load_beside_torch("pytorch_ood.detector")

    @pytest.fixture
    def torch(self, detectors: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
        torch = importlib.import_module("torch")
        monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        yield torch
        torch.set_default_dtype(before)

    @pytest.mark.parametrize("name", ["random", "alike", "one_class", "huge", "tiny", "tied"])
    def test_logits(self, detectors: ModuleType, torch: ModuleType, name: str) -> None:
        rng = np.random.default_rng(0)
        logits = {
            "random": rng.normal(0, 1.5, (60, 20)),
            "alike": np.zeros((3, 5)),
            "one_class": rng.normal(size=(4, 1)),
            "huge": rng.normal(0, 1, (60, 7)) + 1e4,
            "tiny": rng.normal(0, 1e-30, (60, 7)),
            "tied": rng.integers(0, 2, (60, 9)) * 3.0,
        }[name].astype(np.float32)
        given = torch.tensor(logits.astype(np.float64))
        n = logits.shape[1]
        # It gives -max p, and the mean over the classes of GEN, with p cut to [1e-7, 1 - 1e-7].
        assert msp(logits) - 1 == pytest.approx(detectors.MaxSoftmax.score(given).numpy(), rel=1e-6)
        assert max_logit(logits) == pytest.approx(detectors.MaxLogit.score(given).numpy(), rel=1e-6)
        assert energy(logits) == pytest.approx(detectors.EnergyBased.score(given).numpy(), rel=1e-6)
        if n > 1:
            assert gen(logits) / n == pytest.approx(detectors.GEN.score(given, gamma=0.1).numpy(), rel=1e-6)
            top = detectors.GEN.score(given, gamma=0.5, M=3).numpy()
            assert gen(logits, gamma=0.5, top=3) / 3 == pytest.approx(top, rel=1e-6)

    @pytest.mark.parametrize("k", [1, 50])
    def test_knn(self, detectors: ModuleType, torch: ModuleType, k: int) -> None:
        rows, classes, queries = samples()
        peer = detectors.KNN(None, k=k, normalize=True)
        peer.fit_features(torch.tensor(rows.astype(float)), torch.tensor(classes))
        expected = peer.predict_features(torch.tensor(queries.astype(float))).numpy()
        assert score_knn(fit_knn(train(rows), k), queries, source=SOURCE) == pytest.approx(expected, rel=1e-6)

    def test_mahalanobis(self, detectors: ModuleType, torch: ModuleType) -> None:
        # It sums the outer products instead of taking their mean, and halves one of the two: ours are 2 n and n times.
        rows, classes, queries = samples()
        n, given, asked = len(rows), doubles(torch, rows, classes), torch.tensor(queries).double()
        for fit, name, times in (
            (fit_mahalanobis, "Mahalanobis", 2 * n),
            (fit_relative_mahalanobis, "RMD", n),
        ):
            peer = getattr(detectors, name)(None).fit_features(*given).predict_features(asked).numpy()
            found = score_mahalanobis(fit(train(rows, classes), shrinkage=0.0), queries, source=SOURCE)
            assert found == pytest.approx(times * peer, rel=1e-6), name

    def test_methods_with_a_head(self, detectors: ModuleType, torch: ModuleType) -> None:
        rows, classes, queries = samples()
        rng = np.random.default_rng(1)
        weight, bias = rng.normal(size=(4, 8)).astype(np.float32), np.full(4, 20, np.float32)
        head, training = Head(weight, bias), train(rows, classes)
        w, b = doubles(torch, weight, bias)

        def logits_of(z):
            return torch.flatten(z, 1) @ w.T + b

        given, asked = doubles(torch, rows, classes), torch.tensor(queries).double()
        peer = detectors.ViM(None, d=4, w=w, b=b).fit_features(*given).predict_features(asked).numpy()
        assert score_vim(fit_vim(training, head, 4), queries, source=SOURCE) == pytest.approx(peer, rel=1e-6)
        peer = detectors.NNGuide(None, logits_of, k=10).fit_features(*given).predict_features(asked).numpy()
        stats = fit_nnguide(training, head, np.random.default_rng(0), 10, 1.0)
        assert score_nnguide(stats, queries, source=SOURCE) == pytest.approx(peer, rel=1e-6)
        maps = asked[:, :, None, None]
        react = fit_react(training, head)
        peer = detectors.ReAct(None, logits_of, threshold=react.threshold).predict_feature_maps(maps).numpy()
        assert score_react(react, queries, source=SOURCE) == pytest.approx(peer, rel=1e-6)
        own = detectors.ReAct(None, logits_of, percentile=0.9).fit_feature_maps(given[0][:, :, None, None], given[1])
        assert react.threshold == pytest.approx(float(own.threshold), rel=1e-6)
        peer = detectors.SCALE(None, logits_of, percentile=0.85).predict_feature_maps(maps).numpy()
        assert score_scale(fit_scale(training, head), queries, source=SOURCE) == pytest.approx(peer, rel=1e-6)


def doubles(torch: ModuleType, *arrays):
    """Tensors of the same numbers, floats in double precision."""
    tensors = (torch.tensor(array) for array in arrays)
    return tuple(t.double() if t.is_floating_point() else t for t in tensors)


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
