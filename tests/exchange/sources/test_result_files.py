"""A model's folder without a file in it is refused, whatever the source: the model would just be missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exchange.sources import argoverse2_folder as av2
from exchange.sources import image_folders as images
from exchange.sources import motion_folder as motion
from exchange.sources import nuscenes_folder as nuscenes
from oddloop.errors import SourceError
from oddloop.exchange.sources import make_source

CASES: list[tuple[str, Callable[[Path], object], str, str]] = [
    ("argoverse2", lambda folder: av2.write_log(folder / "train/aa"), "detections", ".feather or .parquet"),
    ("argoverse2-motion", motion.write_folder, "forecasts", ".parquet"),
    ("bdd100k", images.write_bdd, "results", ".json"),
    ("coco", images.write_coco, "results", ".json"),
    ("nuscenes", nuscenes.write_version, "results", ".json"),
]


@pytest.mark.parametrize(("source", "make", "results", "kind"), CASES, ids=[case[0] for case in CASES])
def test_a_models_folder_without_results(
    source: str, make: Callable[[Path], object], results: str, kind: str, tmp_path: Path
) -> None:
    make(tmp_path)
    list(make_source(source, tmp_path, 20.0).parts())
    (tmp_path / results / "lost").mkdir(parents=True)
    with pytest.raises(SourceError, match=f"{results}/lost: no {kind} file in it; copy them again, or remove the fol"):
        list(make_source(source, tmp_path, 20.0).parts())
