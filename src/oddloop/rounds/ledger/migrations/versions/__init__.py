"""One file per format; Alembic's revision is the format's number, and its base is format 1."""
