"""Per source: a clean data set to spoil, made up for the fast tests and real where there is a sample."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange import kitti_text as kitti
from exchange.sources import argoverse2_folder as av2
from exchange.sources import comma_folder as comma
from exchange.sources import commonroad_folder as commonroad
from exchange.sources import image_folders as images
from exchange.sources import mcap_folder as mcap
from exchange.sources import motion_folder as motion
from exchange.sources import nuplan_folder as nuplan
from exchange.sources import nuscenes_folder as nuscenes
from exchange.sources import waymo_folder as waymo
from exchange.sources.corruption import Needs


@dataclass(frozen=True)
class Case:
    source: str
    make: Callable[[Path], object]
    needs: Needs
    lay_out_real: Callable[[Path], object] | None = None
    package: str = ""  # without which the source does not go


def _small_argoverse2(folder: Path) -> None:
    for split, log in (("train", "aa"), ("val", "bb")):
        av2.write_log(folder / split / log)
    av2.write_detections(folder / "detections/m1", ["aa", "bb"])


def _real_argoverse2(folder: Path) -> None:
    av2.lay_out_real_logs(folder, ("3b3570b4", "adcf7d18"))


def _small_kitti(folder: Path) -> None:
    kitti.random_archive(folder, {"0000": 30, "0001": 12}, seed=3)


def _real_kitti(folder: Path) -> None:
    """Four sequences of the real archive, unpacked."""
    sequences = ("0000", "0004", "0012", "0017")
    with tarfile.open(kitti.REAL / "kitti_tracking.tar.gz") as tar:
        tar.extractall(folder, [m for m in tar if m.isfile() and Path(m.name).stem in sequences], filter="data")


def _packed_kitti(folder: Path) -> None:
    _small_kitti(folder.parent / "unpacked")
    kitti.pack(folder.parent / "unpacked", folder)


def _real_commonroad(folder: Path) -> None:
    commonroad.lay_out_real(folder, ("USA_US101-8_3_T-1", "USA_US101-16_1_T-1"))


CASES = [
    Case(
        "kitti",
        _small_kitti,
        Needs(lambda p: p.suffix == ".txt", has_end=False),
        _real_kitti if kitti.REAL.exists() else None,
    ),
    Case("kitti", _packed_kitti, Needs(lambda p: True)),
    Case(
        "argoverse2",
        _small_argoverse2,
        Needs(lambda p: p.suffix == ".feather", av2.NEEDED | {"score", "log_id"}),
        _real_argoverse2 if av2.REAL.exists() else None,
    ),
    Case(
        "argoverse2-motion",
        motion.write_folder,
        Needs(lambda p: "scenario" in p.name, motion.NEEDED, siblings=False),
    ),
    Case(
        "bdd100k",
        images.write_bdd,
        Needs(lambda p: True, {"x1", "y1", "x2", "y2", "score"}, siblings=False),
        images.lay_out_real_bdd if images.REAL.exists() else None,
    ),
    Case("comma2k19", comma.write_folder, Needs(comma.is_read), comma.lay_out_real if comma.REAL.exists() else None),
    Case("nuscenes", nuscenes.write_version, Needs(nuscenes.is_read, nuscenes.NEEDED)),
    Case("nuplan", nuplan.write_folder, Needs(lambda p: True, nuplan.NEEDED, siblings=False)),
    Case(
        "commonroad",
        commonroad.write_folder,
        Needs(lambda p: True, siblings=False),
        _real_commonroad if commonroad.REAL.exists() else None,
        "commonroad",
    ),
    Case("waymo", waymo.write_perception, Needs(lambda p: True, waymo.NEEDED, siblings=False)),
    Case("waymo-motion", waymo.write_motion, Needs(lambda p: True, siblings=False), package="google.protobuf"),
    Case("mcap", mcap.write_folder, Needs(lambda p: True, siblings=False), package="mcap"),
    Case(
        "coco", images.write_coco, Needs(lambda p: True, {"bbox", "score", "image_id", "category_id"}, siblings=False)
    ),
]
