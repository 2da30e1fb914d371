"""What every fitted statistic is: arrays, where they come from, and a digest over all of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, TypedDict

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64
from oddloop.score.ood.arrays import as_matrix
from oddloop.score.ood.source import Source, check_source
from oddloop.score.ood.training import TrainingSet


class Origin(TypedDict):
    """The fields that every statistic has."""

    source: Source
    scenes_digest: str
    n_rows: int
    n_ignored: int
    width: int


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics of the features of the scenes that a model was trained on.

    Attributes:
        source: what made the features.
        scenes_digest: digest of the ids of the scenes.
        n_rows: training rows that were used.
        n_ignored: training rows that were not, since they cannot be scored either.
        width: d, columns of the features.
    """

    NAME: ClassVar[str] = ""

    source: Source
    scenes_digest: str
    n_rows: int
    n_ignored: int
    width: int

    @property
    def method(self) -> str:
        """Name of the method, as in the column `ood_<method>`."""
        return self.NAME

    @cached_property
    def digest(self) -> str:
        """16 bytes of BLAKE2b over every field, as 32 hex digits: equal exactly where the statistics are."""
        state = hashlib.blake2b(type(self).__name__.encode(), digest_size=16)
        for name, value in contents(self).items():
            is_array = isinstance(value, np.ndarray)
            kind = [name, value.dtype.str, value.shape] if is_array else [name, value]
            state.update(json.dumps(kind, sort_keys=True).encode())
            if is_array:
                state.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return state.hexdigest()

    def check(self, source: Source) -> None:
        """Refuse features of another source.

        Raises:
            TableError: the source is not the one of the statistics; the message names both digests.
        """
        check_source(self.source, source, f"{self.method} statistics {self.digest}")


def contents(statistics: Statistics) -> dict[str, Any]:
    """Every field by name: arrays, numbers, and the source as a plain mapping."""
    values = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
    source = values.pop("source")
    return {"source": [source.model_id, source.encoder_id, source.model_digest], **values}


def origin_of(training: TrainingSet, n_rows: int | None = None) -> Origin:
    """The common fields of statistics of a training set, of which `n_rows` could be used; None: all."""
    n_all = len(training.features)
    used = n_all if n_rows is None else n_rows
    return {
        "source": training.source,
        "scenes_digest": training.scenes_digest,
        "n_rows": used,
        "n_ignored": training.n_ignored + n_all - used,
        "width": training.features.shape[1],
    }


@dataclass(frozen=True, eq=False)
class Head:
    """The last linear layer of a classifier: logits = features @ weight.T + bias.

    Attributes:
        weight: (C,d) floats, finite.
        bias: (C,) floats, finite.

    >>> Head([[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0]).logits(np.array([[2.0, 3.0]]))
    array([[2., 4.]])
    """

    weight: npt.ArrayLike
    bias: npt.ArrayLike

    def __post_init__(self) -> None:
        weight = as_matrix(self.weight, "the head's weight").astype(np.float64)
        bias = to_float64(self.bias)
        if bias.shape != weight.shape[:1] or not weight.size:
            raise ValueError(f"a head needs (C,d) weights and (C,) biases; got {weight.shape} and {bias.shape}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError("the head's weights and biases must be finite; a number is NaN or infinite")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """(C,d) and (C,) float64."""
        return np.asarray(self.weight, np.float64), np.asarray(self.bias, np.float64)

    def logits(self, features: FloatArray) -> FloatArray:
        """(N,C) logits of (N,d) features."""
        weight, bias = self.arrays
        result: FloatArray = features @ weight.T + bias
        return result
