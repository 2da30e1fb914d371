"""Small models, and a record of everything about them that collecting must leave alone."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn


def classifier(p: float = 0.5) -> nn.Module:
    """Two inputs, three classes, batch normalisation and dropout; its modes are mixed on purpose."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3))
    model.train()
    model[2].eval()
    return model


def state(model: nn.Module) -> dict[str, Any]:
    """Modes, weights, buffers and gradients of a model, the random state, and whether gradients are on."""
    return {
        "modes": [module.training for module in model.modules()],
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "places": [value.data_ptr() for value in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "needs_gradient": [p.requires_grad for p in model.parameters()],
        "random": torch.get_rng_state(),
        "gradients_on": torch.is_grad_enabled(),
    }


@contextlib.contextmanager
def unchanged(*models: nn.Module):
    """Check that the models, the random state and the gradient mode are the same after the block as before it."""
    before = [state(model) for model in models]
    try:
        yield
    finally:
        for model, was in zip(models, before, strict=True):
            assert alike(was, state(model))


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def batches_of(inputs: torch.Tensor, size: int):
    """(inputs, frame ids, scene ids) in batches."""
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        ids = [f"f{start + i:03d}" for i in range(len(part))]
        yield part, ids, [f"s{i[1:2]}" for i in ids]
