"""Signs of life of a command: when it last wrote to its heartbeat file, and how far it says it is.

Any write or touch counts as a beat. A line of JSON may say more: `{"step": 3, "of": 10, "loss": 0.41}`; what is not
such a line is no error. Only what was added since the last look is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MOST_BYTES = 1 << 16


class Heartbeat:
    """Watches one file; the time of the beat is when it was noticed, so the clocks of machines do not matter.

    Attributes:
        step: the last one told of.
        of: steps in all; 0: not told.
        numbers: what else the last line said, such as a loss.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._seen, self._offset = file, (0, 0), 0
        self._last_s = time.monotonic()
        self.step, self.of = 0, 0
        self.numbers: Mapping[str, float] = {}

    @property
    def silence_s(self) -> float:
        """Time since the last beat, or since the watch began, in s."""
        return time.monotonic() - self._last_s

    def look(self) -> bool:
        """Whether there was a beat since the last look."""
        try:
            status = self._file.stat()
        except OSError:
            return False
        seen = (status.st_mtime_ns, status.st_size)
        if seen == self._seen:
            return False
        self._seen, self._last_s = seen, time.monotonic()
        self._read(status.st_size)
        return True

    def _read(self, size: int) -> None:
        """Take the last whole line of what was added."""
        start = max(self._offset if size >= self._offset else 0, size - _MOST_BYTES)
        try:
            with self._file.open("rb") as stream:
                stream.seek(start)
                text = stream.read(_MOST_BYTES)
        except OSError:
            return
        whole, newline, _begun = text.rpartition(b"\n")
        self._offset = start + len(whole) + len(newline)
        for line in reversed(whole.splitlines()):
            if self._take(line):
                return

    def _take(self, line: bytes) -> bool:
        try:
            told: Any = json.loads(line)
        except ValueError:
            return False
        numbers = {k: v for k, v in told.items() if _is_number(v)} if isinstance(told, dict) else {}
        if "step" not in numbers:
            return False
        self.step, self.of = int(numbers.pop("step")), int(numbers.pop("of", self.of))
        self.numbers = numbers
        return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18  # NaN is not below
