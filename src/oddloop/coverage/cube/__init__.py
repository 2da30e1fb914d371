"""The exposure cube: exact counts of all segments of up to three attributes, that add up over shards and days."""

from oddloop.coverage.cube.build import build_cube
from oddloop.coverage.cube.cube import Axis, Cube
from oddloop.coverage.cube.tables import list_segments, read_cube, write_cube

__all__ = ["Axis", "Cube", "build_cube", "list_segments", "read_cube", "write_cube"]
