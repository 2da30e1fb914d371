"""Judge what was counted over all files of a table: values that nobody declared, and lengths that must be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from oddloop.lake.checks.notes import REST, Note, Notes

_EQUAL = {"ragged-classes": "classes", "vector-length": "numbers"}
"""Codes whose counted values must all be equal, and what is counted; all other tallies count values that are wrong."""
_MAX_LISTED = 5
_MAX_CHARS = 40


def judge_tallies(files: Sequence[Notes]) -> None:
    """Turn the tallies of a table's files, in order, into notes of these files."""
    usual = _most_frequent(files)
    for file_notes in files:
        for (code, subject), seen in file_notes.tallies.items():
            if code in _EQUAL:
                _judge_equal(file_notes, (code, subject), usual[code, subject])
            elif seen:
                file_notes.groups[code, subject] = _list_values(subject, seen)


def _most_frequent(files: Sequence[Notes]) -> dict[tuple[str, str], Hashable]:
    """Most frequent value by tally; of equally frequent ones, the one seen first."""
    totals: dict[tuple[str, str], Counter[Hashable]] = {}
    for file_notes in files:
        for key, seen in file_notes.tallies.items():
            totals.setdefault(key, Counter()).update({value: note.n_rows for value, note in seen.items()})
    return {key: counter.most_common(1)[0][0] for key, counter in totals.items() if counter}


def _judge_equal(notes: Notes, key: tuple[str, str], usual: Hashable) -> None:
    code, subject = key
    others = {value: note for value, note in notes.tallies[key].items() if value != usual}
    if not others:
        return
    value, first = min(others.items(), key=lambda item: (item[1].row, str(item[0])))
    unit = _EQUAL[code]
    what = f"`{subject}` has {value} {unit}, while most rows of the table have {usual}"
    notes.groups[key] = Note(first.row, sum(note.n_rows for note in others.values()), what)


def _list_values(subject: str, seen: Mapping[Hashable, Note]) -> Note:
    named = [(value, note) for value, note in seen.items() if value is not REST]
    often = sorted(named, key=lambda item: (-item[1].n_rows, item[1].row))
    shown = ", ".join(f"`{str(value)[:_MAX_CHARS]}` ({note.n_rows:,} ×)" for value, note in often[:_MAX_LISTED])
    n_others = len(often) - _MAX_LISTED
    more = f" and {'at least ' if REST in seen else ''}{n_others:,} more" if n_others > 0 else ""
    row = min(note.row for note in seen.values())
    return Note(row, sum(note.n_rows for note in seen.values()), f"{subject} has {shown}{more}")
