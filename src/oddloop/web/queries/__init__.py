"""What pages say: from a view of the workspace to frozen dataclasses of plain values, without NaN."""
