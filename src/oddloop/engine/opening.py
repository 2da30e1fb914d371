"""The engine that `[engine]` of `oddloop.toml` names; a cluster's library is imported only where it is named."""

from __future__ import annotations

import importlib
from typing import cast

from oddloop.config import EngineConfig
from oddloop.engine.base import Engine
from oddloop.engine.local import LocalEngine
from oddloop.errors import MissingExtraError

_CLUSTERS = {"ray": ("oddloop.engine.on_ray", "RayEngine"), "dask": ("oddloop.engine.on_dask", "DaskEngine")}


def open_engine(config: EngineConfig) -> Engine:
    """The engine of the settings; a cluster is started or joined when the first task is run.

    Raises:
        MissingExtraError: the cluster's library is not installed.

    >>> open_engine(EngineConfig(workers=2, retries=0))
    LocalEngine(workers=2, retries=0)
    """
    if config.name == "local":
        return LocalEngine(config.workers, config.retries)
    module, name = _CLUSTERS[config.name]
    try:
        return cast(Engine, getattr(importlib.import_module(module), name)(config))
    except ImportError as error:
        raise MissingExtraError(
            f"[engine] name = \"{config.name}\" needs: pip install 'oddloop[{config.name}]'"
        ) from error
