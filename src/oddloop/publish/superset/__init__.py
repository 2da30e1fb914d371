"""A bundle of assets for Superset: database, datasets, charts and a dashboard, which an import makes or overwrites.

`datasets` are the star schema joined for charts, `charts` and `dashboard` what is drawn of it, `bundle` the ZIP. All
ids are made from the workspace's name, so that importing again overwrites and never doubles.
"""

from oddloop.publish.superset.bundle import write_bundle

__all__ = ["write_bundle"]
