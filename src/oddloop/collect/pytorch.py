"""PyTorch, imported when it is first needed, so that this package can be looked at without it."""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

from oddloop.errors import MissingExtraError

Module: TypeAlias = Any
"""A `torch.nn.Module`."""
Tensor: TypeAlias = Any
"""A `torch.Tensor`."""


def torch() -> Any:
    """The package `torch`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtraError("collecting needs PyTorch; install it with: pip install 'oddloop[torch]'") from error
