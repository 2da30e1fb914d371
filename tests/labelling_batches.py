"""Batches of a few scenes, for tests of labelling formats."""

from __future__ import annotations

from collections.abc import Sequence

from oddloop.exchange.labelling import Batch, Box, Delivery, Frame, Scene, Unit

SIZE = (640, 480)
CORNERS = [(1.5, 2.25, 100.125, 200.0625), (0.1, 0.2, 639.7, 479.9), (317.3333, 100.7777, 320.1111, 101.9999)]


def make_batch(
    *,
    round_id: str = "r001",
    scene_ids: Sequence[str] = ("log1/s0", "log2/s5", "log3/s1"),
    size: tuple[int, int] = SIZE,
    corners: Sequence[tuple[float, float, float, float]] = CORNERS,
    images: bool = True,
) -> Batch:
    """Three scenes of two frames each; the second frame of each has no boxes."""
    scenes = []
    for rank, scene_id in enumerate(scene_ids, 1):
        boxes = tuple(Box(("car", "van")[i % 2], c, 0.9 - i / 10) for i, c in enumerate(corners))
        frames = [
            Frame(
                Unit(round_id, scene_id, f"{scene_id}/f{k}", f"cam/{rank}/{k}.png", *size),
                f"s3://bucket/cam/{rank}/{k}.png",
                boxes if k == 0 else (),
            )
            for k in range(2)
        ]
        reasons = ("score 1.2 & more", "<rare>")
        scenes.append(
            Scene(
                scene_id, f"log{rank}", rank, 2.0 - rank, reasons, {"weather": "rain"}, tuple(frames) if images else ()
            )
        )
    return Batch("toy", round_id, "model_1", ("car", "van"), tuple(scenes))


def all_boxes(delivery: Delivery) -> list[tuple[str, tuple[float, ...]]]:
    """Class and corners of all boxes, in order."""
    return [(box.category, box.corners) for answer in delivery.answers for box in answer.boxes]
