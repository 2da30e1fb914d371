"""The members of an ensemble: one model, run with the weights of several trainings."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from oddloop.collect.members import Members, call, modes
from oddloop.collect.passes import _run
from oddloop.collect.pytorch import Module, Tensor, torch
from oddloop.errors import OddloopError

Checkpoint: TypeAlias = Any
"""A path, a state dict, or a module."""


def checkpoints(model: Module, members: Sequence[Checkpoint]) -> Members:
    """The members of an ensemble, each in evaluation mode.

    The model's own weights are never overwritten: a pass borrows its structure and brings the weights of its
    checkpoint. So all checkpoints are in memory, those from a path as a map of the file.

    Args:
        model: a `torch.nn.Module` of the checkpoints' structure; left as it was.
        members: one or more paths of files that `torch.save` wrote (read without running code in them), state dicts,
            or modules, which may be of another structure. A file or dict may hold its state dict under `state_dict`.

    Raises:
        OddloopError: there are no members, a file cannot be read, or weights do not fit the model; names which.
        MissingExtraError: PyTorch is not installed.

    References:
        Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles, 2017.
    """
    if not members:
        raise OddloopError("an ensemble needs one or more members: paths, state dicts or modules")
    return Members(tuple(_member(model, member, n) for n, member in enumerate(members)))


def _member(model: Module, member: Checkpoint, n: int) -> Any:
    if isinstance(member, torch().nn.Module):
        return functools.partial(_run, member)
    name = f"member {n}"
    if isinstance(member, (str, os.PathLike)):
        name, member = os.fspath(member), _read(member)
    weights = member.get("state_dict", member) if isinstance(member, Mapping) else member
    _refuse_misfits(model, weights, name)
    return functools.partial(_run_with, model, dict(weights))


def _read(path: str | os.PathLike[str]) -> Any:
    try:
        return torch().load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # what torch raises depends on what is wrong with the file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OddloopError(
            f"{os.fspath(path)}: cannot be read as a checkpoint: {reason}; save it with torch.save(model.state_dict(), "
            "path), or load it yourself and give the state dict"
        ) from error


def _refuse_misfits(model: Module, weights: Any, name: str) -> None:
    if not isinstance(weights, Mapping):
        raise OddloopError(f"{name} is a {type(weights).__name__}; give a path, a state dict or a module")
    wanted = {key: _shape(value) for key, value in model.state_dict().items()}
    found = {key: _shape(value) for key, value in weights.items()}
    misfits = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    if misfits:
        key = misfits[0]
        more = f" (and {len(misfits) - 1} more)" if len(misfits) > 1 else ""
        raise OddloopError(
            f"{name} does not fit {type(model).__name__}: `{key}` is {found.get(key, 'missing')} there and "
            f"{wanted.get(key, 'missing')} in the model{more}; give a state dict with the model's own keys and shapes"
        )


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if hasattr(value, "shape") else type(value).__name__


def _run_with(model: Module, weights: dict[str, Tensor], inputs: Any, _batch: int) -> Any:
    own = model.state_dict()
    # To the model's device and precision, as loading them would.
    fitted = {key: value.to(own[key]) for key, value in weights.items() if hasattr(value, "to")}
    run = functools.partial(torch().func.functional_call, model, fitted)
    with modes(model):
        return call(lambda *args, **named: run(args, named), inputs)
