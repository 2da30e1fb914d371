"""How ledgers of older formats are brought to the present one, by Alembic: one file per format in `versions/`."""
