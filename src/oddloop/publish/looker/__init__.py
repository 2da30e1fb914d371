"""A LookML project over the tables in a database: views, explores and a dashboard, made anew with each publication.

`views` are the tables with their columns and measures, `project` the model and the files, `dashboard` what is drawn.
"""

from oddloop.publish.looker.project import write_project

__all__ = ["write_project"]
