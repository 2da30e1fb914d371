"""Every fault code that `oddloop check` can give, with one sentence that says how to mend it.

A fault's message is what was found, a semicolon, and the sentence given here; `docs/faults.md` is made from this list.
"""

from __future__ import annotations

CURES: dict[str, str] = {
    # folders and files
    "missing-table": "run `oddloop ingest`, or say in [lake] of oddloop.toml where the table is",
    "empty-table": "ingest the data again; a table that is not needed may also be removed",
    "misplaced-file": "move the file into a folder of its own that is named by its model_id or encoder_id",
    "unknown-folder": "rename the folder, or move it out of the lake",
    "unreadable-folder": "make it a folder that this user may list, or correct [lake] in oddloop.toml",
    "unreadable-file": "write the file again from its source, or remove it",
    "unreadable-column": "write the file again from its source",
    # columns
    "missing-column": "rename the column in the file, or name it in [columns] of oddloop.toml and ingest again",
    "repeated-column": "give each column a name of its own",
    "wrong-type": "convert the column to its declared type and write the file again",
    "mixed-types": "write the column with one type in all files of the table",
    "null-value": "fill in the value, or drop the row",
    "empty-string": "fill in the value, or drop the row",
    # keys and references
    "duplicate-key": "keep one of the rows, or have `newest_of` in [rows.<table>] keep the newest at the next ingest",
    "orphan-scene": "add the scene to `scenes`, or drop the row",
    "orphan-frame": "add the frame to `frames`, or drop the row",
    "scene-differs": "give the row the scene_id that its frame has in `frames`",
    "rows-apart": "sort the table by frame_id and keep each frame in one file",
    # single numbers and names
    "not-finite": "write null where the value is not known; where null is not allowed, drop the row",
    "negative-value": "correct the value, or write null where it is not known",
    "bad-duration": "give the length of the scene in seconds, above 0",
    "unknown-split": "use `pool` or `eval`, or null, which means `pool`",
    "unknown-stack": "use `perception`, `prediction` or `planning`",
    "undeclared-metric": 'add [metrics.<name>] with better = "lower" or better = "higher" to oddloop.toml',
    # attributes
    "missing-attribute": "add the column to `scenes`, or correct `column` of the attribute in oddloop.toml",
    "attribute-type": "convert the column, or correct `kind` of the attribute in oddloop.toml",
    "attribute-value": "add to `values` in oddloop.toml, or correct the data; until then it is read as `unknown`",
    # probabilities
    "no-probs": "give at least one member with at least one class or mode, or drop the row",
    "probs-not-finite": "look for a division by zero or an overflow in the model's export, or drop the row",
    "probs-range": "apply a softmax if these are logits",
    "probs-sum": "divide by the sum, or apply a softmax if these are logits",
    "logits-not-finite": "look for an overflow in the model's export, or drop the row; -inf is allowed",
    "ragged-members": "give every member the same classes or modes, with 0 where one does not know a class",
    "ragged-classes": "give every row the same classes, with 0 where one does not occur",
    # boxes
    "score-not-finite": "give every box a score, or drop the box",
    "score-range": "apply a sigmoid if it is a logit",
    "empty-label": "give every box the name of its class",
    "box-incomplete": "give all four sides, or none of them",
    "box-not-finite": "correct the box, or write null for all four sides",
    "box-reversed": "write the smaller side as the minimum",
    "box-member": "number the members 0, 1, 2 and so on; a single model's boxes need no `member`",
    # segmentations
    "tensor-kind": "write `probs` where the classes of a pixel sum to 1, else `logits`",
    "tensor-shape": "write the tensor row by row with its own shape and dtype, or drop the row",
    # trajectories
    "modes-shape": "give each mode or candidate one probability or weight, and each member the same",
    "modes-steps": "give all modes of a row the same number of steps",
    "modes-not-finite": "cut the steps at which the agent is not predicted, or drop the row",
    # vectors
    "vector-empty": "drop the row, or export the features again",
    "vector-not-finite": "drop the row, or export the features again",
    "vector-length": "keep vectors of one encoder only, each version under an encoder_id of its own",
    # times and splits
    "time-order": "sort the frames of a scene by timestamp_ns and drop repeated instants",
    "time-outside-scene": "correct the scene's start_ns (in ns) and duration_s (in s), or the frame's scene_id",
    "scenes-overlap": "cut the log anew, or name its vehicles in vehicle_id; until then shared time counts twice",
    "split-leak": "hold out whole logs: give all scenes of a log the same split",
}  # fmt: skip
"""Cure by fault code."""

TOLERATED = frozenset({"attribute-value", "scenes-overlap", "undeclared-metric", "unknown-folder"})
"""Faults in spite of which every stage works: what they concern is left out, read as `unknown`, or counted twice."""
