"""Open a workspace; scan, validate and replace its tables; keep derived folders."""

from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace

__all__ = ["Derived", "Recipe", "Storage", "TableFiles", "Workspace", "derive"]
