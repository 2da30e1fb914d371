"""Passes of one model: as it is, or with dropout left on, which makes an ensemble of it."""

from __future__ import annotations

import functools
from typing import Any

from oddloop.collect.members import Members, call, modes, seeded
from oddloop.collect.pytorch import Module, torch
from oddloop.errors import OddloopError


def one_pass(model: Module) -> Members:
    """One member: the model in evaluation mode.

    Args:
        model: a `torch.nn.Module`; left as it was.

    Raises:
        MissingExtraError: PyTorch is not installed.
    """
    torch()
    return Members((functools.partial(_run, model),))


def mc_dropout(model: Module, passes: int, seed: int, also: tuple[type, ...] = ()) -> Members:
    """Passes of a model whose dropout is left on, while all else of it (batch normalisation) is in evaluation mode.

    The same model, batches and seed give the same outputs. Left on are the `Dropout` modules, and attention, recurrent
    and transformer layers that have a dropout of their own; name other types (stochastic depth, a module that calls
    `dropout(x, training=self.training)`) in `also`.

    Args:
        model: a `torch.nn.Module`; left as it was.
        passes: how many, 1 or more.
        seed: source of the dropout masks, 0 or more.
        also: further types of modules to leave on; their children are not.

    Raises:
        OddloopError: the model has no dropout, so that all passes would be alike.
        ValueError: `passes` is below 1, or the seed below 0.
        MissingExtraError: PyTorch is not installed.

    References:
        Gal and Ghahramani, Dropout as a Bayesian approximation, 2016.
    """
    if passes < 1 or seed < 0:
        raise ValueError(f"passes must be 1 or more and seed 0 or more; got {passes} and {seed}")
    if not _random_modules(model, also):
        raise OddloopError(
            f"{type(model).__name__} has no module with dropout above 0, so that all passes would be alike; name the "
            "types of your own dropout modules in `also`, or give `checkpoints` of several trainings"
        )
    return Members(tuple(functools.partial(_run_randomly, model, seed, n, also) for n in range(passes)))


def _run(model: Module, inputs: Any, _batch: int) -> Any:
    with modes(model):
        return call(model, inputs)


def _run_randomly(model: Module, seed: int, n: int, also: tuple[type, ...], inputs: Any, batch: int) -> Any:
    with modes(model, _random_modules(model, also)), seeded(model, seed, batch, n):
        return call(model, inputs)


def _random_modules(model: Module, also: tuple[type, ...]) -> list[Module]:
    return [module for module in model.modules() if isinstance(module, also) or _drops(module)]


def _drops(module: Module) -> bool:
    """Whether training mode makes a module drop values at random, and changes nothing else about it."""
    nn = torch().nn
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, (nn.MultiheadAttention, nn.RNNBase)):
        return bool(module.dropout > 0)
    # In evaluation mode these take a fast path that passes their own dropout modules by.
    is_layer = isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer))
    return is_layer and any(_drops(child) for child in module.children())
