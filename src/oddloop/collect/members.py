"""What a pass over a batch is, and how a model is put back as it was after it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddloop.collect.pytorch import Module, torch


@dataclass(frozen=True)
class Members:
    """The members whose outputs become one row: passes of a model, or models of an ensemble.

    Made by `mc_dropout`, `checkpoints` or `one_pass`. Nothing runs, and nothing is changed, until `outputs` is asked.

    Attributes:
        passes: one function per member, from (inputs, number of the batch) to the model's output.
    """

    passes: tuple[Callable[[Any, int], Any], ...]

    def __len__(self) -> int:
        return len(self.passes)

    def outputs(self, inputs: Any, batch: int) -> Iterator[Any]:
        """What the model says of a batch, member by member.

        Between two members, and when the caller stops early, the model is as it was.

        Args:
            inputs: what the model takes: a tuple is spread as arguments, a dict as named arguments, all else is the
                one argument.
            batch: number of the batch; random numbers depend on it.
        """
        for run in self.passes:
            yield run(inputs, batch)


def call(model: Callable[..., Any], inputs: Any) -> Any:
    """The model's output.

    >>> call(max, (1, 2)), call(dict, {"a": 1}), call(sum, [1, 2])
    (2, {'a': 1}, 3)
    """
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(**inputs) if isinstance(inputs, Mapping) else model(inputs)


@contextlib.contextmanager
def modes(model: Module, training: Iterable[Module] = ()) -> Iterator[None]:
    """Put a model into evaluation, but for some modules, without gradients; then back, module by module.

    Args:
        model: the model.
        training: those of its modules that shall behave as in training, their own children left out.
    """
    wanted = {id(module) for module in training}
    # `model.eval()` and `model.train()` change all children too, and forget what each was before.
    before = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in before:
            module.training = id(module) in wanted
        with torch().no_grad():
            yield
    finally:
        for module, was in before:
            module.training = was


@contextlib.contextmanager
def seeded(model: Module, *key: int) -> Iterator[None]:
    """Draw random numbers that follow from a key, on the CPU and on the model's GPUs; then go on as before.

    Args:
        model: whose GPUs count.
        key: numbers of 0 or more.
    """
    gpus = {t.device.index for t in model.parameters() if t.device.type == "cuda"}
    with torch().random.fork_rng(sorted(gpus)):
        torch().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))
        yield
