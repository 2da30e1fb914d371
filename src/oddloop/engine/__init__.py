"""Run one pure function over a table's partitions: threads here, a cluster elsewhere; same result."""

from oddloop.engine.base import Engine
from oddloop.engine.local import LocalEngine
from oddloop.engine.opening import open_engine
from oddloop.engine.partitions import map_partitions

__all__ = ["Engine", "LocalEngine", "map_partitions", "open_engine"]
