"""Tables for dashboards: what the rounds know, as a star schema in files and databases that other people's tools read.

`moment` gathers what is published, `star` makes the tables of it, `duckdb_file` and `postgres` are databases of them,
`place` brings files to where they are read.
"""

from oddloop.publish.publish import Published, publish

__all__ = ["Published", "publish"]
