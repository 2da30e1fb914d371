"""Scores of the lake's `tracks`, beside those of the model: per frame of one instant, per scene of what takes time."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.scene_scores import read_scores
from oddloop.rounds.stages.scoring import ScoreJob, made_by
from oddloop.score import risk
from oddloop.tables import TRACKS


@dataclass(frozen=True)
class Tracks:
    """The lake's tracks; falsy `files` where there are none, and then nothing is scored."""

    files: TableFiles

    @classmethod
    def of(cls, workspace: Workspace) -> Tracks:
        """The tracks of a workspace."""
        return cls(workspace.table(TRACKS.name))

    def inputs(self, context: Context) -> dict[str, str]:
        """Digest of the tracks; none where there are none."""
        return fingerprint([self.files], context.workspace.storage) if self.files else {}

    def settings(self, context: Context) -> dict[str, Any]:
        """`[score.risk]`; none where there is nothing that it is of, so that it then has no say."""
        config = context.workspace.config.score.risk
        return {"risk": asdict(config)} if self.files or config.shared_frame else {}

    def jobs(self, context: Context) -> list[ScoreJob]:
        """What scores the frames."""
        config = context.workspace.config.score
        kernel = functools.partial(risk.score_tracks, config=config, settings=config.risk)
        by = made_by(context, "tracks", risk=asdict(config.risk))
        return [ScoreJob("tracks", self.files, TRACKS, kernel, by)] if self.files else []

    def scene_scores(self, context: Context, out: Storage) -> list[pa.Table]:
        """What scores the scenes, by way of part files that are not kept."""
        if not self.files:
            return []
        config = context.workspace.config.score
        kernel = functools.partial(risk.score_track_scenes, config=config, settings=config.risk)
        folder = out.sub("track_scenes")
        by = made_by(context, "scenes of tracks", risk=asdict(config.risk))
        ScoreJob("scenes of tracks", self.files, TRACKS, kernel, by).run(context, folder)
        table = read_scores(folder)
        out.delete_folder("track_scenes")
        return [table]
