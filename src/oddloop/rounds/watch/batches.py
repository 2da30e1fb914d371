"""The loop of `oddloop watch`: look, and where something has changed, run the stages; each time one batch is told.

Nothing is remembered on disk: what was computed is found again by its fingerprint, so that a watch that was killed goes
on where it was. The first look always runs the stages. What fails is tried again, each time after twice the pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from oddloop.errors import OddloopError
from oddloop.lake.derived import Derived
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell
from oddloop.rounds.watch.files import Changes, Seen, look_at_file, look_at_lake
from oddloop.rounds.watch.landing import SETTLED_S, Landed, take_in

LONGEST_PAUSE_S = 300.0
_LONGEST_LIST = 3
"""Files that a line names."""


@dataclass(frozen=True)
class Batch:
    """What one look has brought about.

    Attributes:
        at_ns: when it ended, ns since the Unix epoch.
        changes: files of the lake that are new, changed or gone since the batch before; at first, all.
        landed: what became of the files in the landing folder.
        digest: of the last stage that was run; "" where it failed.
        counts: rows by table of that stage, partitions and how many of them were found done.
        seconds: how long it took.
        error: what went wrong; "" where nothing did.
    """

    at_ns: int
    changes: Changes
    landed: Landed
    digest: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return asdict(self)

    def to_line(self) -> str:
        """The batch in one line."""
        parts = [f"lake: {self.changes.to_words()}{_named(self.changes)}"]
        if again := len(self.landed.again):
            parts.append(f"{again} delivered again")
        parts += [f"refused {file}: {_first_line(why)}" for file, why in self.landed.refused]
        if self.error:
            return "; ".join([*parts, f"failed: {_first_line(self.error)}"])
        return "; ".join([*parts, self._done(), f"{self.seconds:.1f} s"])

    def _done(self) -> str:
        n_parts, n_reused = self.counts.get("partitions", 0), self.counts.get("partitions_reused", 0)
        scenes = f"{self.counts['scene_scores']:,} scenes" if "scene_scores" in self.counts else self.digest[:8]
        return (
            f"{scenes}, {n_parts - n_reused:,} of {n_parts:,} partitions scored" if n_parts else f"{scenes}, up to date"
        )


@dataclass
class Watch:
    """A workspace that is watched.

    Attributes:
        url: path or URL of the workspace.
        make_shell: gives the shell of a run.
        until: the last stage to run.
        landing: path or URL of the folder where files are delivered; "" where they are written to the lake itself.
        notify: path or URL of a file that is written to whenever there is something new; "": the lake is listed.
        every_s: pause between two looks, s.
    """

    url: str
    make_shell: Callable[[Workspace], Shell]
    until: str = "score"
    landing: str = ""
    notify: str = ""
    every_s: float = 10.0
    settled_s: float = SETTLED_S
    _seen: Seen = field(default_factory=dict)
    _notified: str | None = None
    _refused: frozenset[tuple[str, str]] = frozenset()
    _n_failed: int = 0

    def run(self, tell: Callable[[Batch], None], sleep: Callable[[float], None] = time.sleep) -> None:
        """Look for ever, and tell of each batch."""
        while True:
            batch = self.look()
            if batch is not None:
                tell(batch)
            sleep(self.pause_s())

    def pause_s(self) -> float:
        """How long to wait before the next look: twice as long after each failure in a row."""
        return float(min(self.every_s * 2**self._n_failed, max(LONGEST_PAUSE_S, self.every_s)))

    def look(self) -> Batch | None:
        """Look once; None where there was nothing to do."""
        begun, landed, changes = time.perf_counter(), Landed(), Changes()
        if not self._is_notified():
            return None
        try:
            workspace = Workspace.open(self.url)  # anew, since settings may have changed, and tables have versions
            if self.landing:
                landed = self._take_in(workspace)
            now = look_at_lake(workspace)
            changes = Changes.between(self._seen, now)
            if self._nothing_to_do(landed, changes):
                return None
            shell = self.make_shell(workspace)
            derived = run_stages(workspace, shell, until=self.until)
        except (OddloopError, OSError) as error:
            self._n_failed, self._notified = min(self._n_failed + 1, 16), None
            return Batch(time.time_ns(), changes, landed, seconds=time.perf_counter() - begun, error=str(error))
        self._n_failed, self._seen = 0, now
        counts = _counts(derived, self.until)
        seconds = time.perf_counter() - begun
        return Batch(shell.now_ns(), changes, landed, derived[self.until].digest, counts, seconds)

    def _is_notified(self) -> bool:
        """Whether to look at all: always where nothing is named that would say so."""
        if not self.notify:
            return True
        try:
            now = look_at_file(self.notify)
        except (OddloopError, OSError):
            return True  # whoever cannot be asked may have had something to say
        if now == self._notified:
            return False
        self._notified = now
        return True

    def _take_in(self, workspace: Workspace) -> Landed:
        """What became of the delivered files; what is refused stays where it is, and is told of once."""
        landed = take_in(Storage.open(self.landing), workspace, settled_s=self.settled_s)
        known, self._refused = self._refused, frozenset(landed.refused)
        return replace(landed, refused=tuple(one for one in landed.refused if one not in known))

    def _nothing_to_do(self, landed: Landed, changes: Changes) -> bool:
        is_first = not self._seen
        return not (changes or is_first or self._n_failed or landed.taken or landed.again or landed.refused)


def _counts(derived: dict[str, Derived], until: str) -> dict[str, int]:
    found = dict(derived[until].manifest["rows"])
    score = derived.get("score")
    return found | ({"scene_scores": int(score.manifest["rows"]["scene_scores"]), **score.told} if score else {})


def _named(changes: Changes) -> str:
    files = [*changes.new, *changes.changed, *changes.gone]
    if not files:
        return ""
    more = f" and {len(files) - _LONGEST_LIST} more" if len(files) > _LONGEST_LIST else ""
    return f" ({', '.join(files[:_LONGEST_LIST])}{more})"


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
