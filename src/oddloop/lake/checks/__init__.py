"""What `oddloop check` looks for: one small module per kind of fault; `lake/validate.py` puts them together.

`cures.py` lists every fault code. Checks of values see one batch of one file at a time; checks of keys, references and
times see whole tables, by way of DuckDB, which spills to a temporary folder instead of growing.
"""
