"""Segmentation: entropy and BALD of every pixel against the machine's own memory copy, and frames against reading them.

The limit is `numpy.copyto` of the same bytes with as many threads, in the same run: measuring a frame must read each
byte once, as a copy does, which also writes it.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import ScoreConfig
from oddloop.score import KERNELS
from oddloop.score.segmentation import compute_pixel_measures

THREADS = 2
MEMBERS, CLASSES = 5, 19
SHAPES = ((270, 480), (540, 960), (1080, 1920), (2160, 3840))
FRAMES = (4, 16, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the largest sizes")
    parser.add_argument("--case", choices=("pixels", "frames"), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case == "pixels":
        measure_pixels(*SHAPES[arguments.size])
    elif arguments.case == "frames":
        measure_frames(arguments.size)
    else:
        compare(slice(0, -1) if arguments.quick else slice(None))


def compare(sizes: slice) -> None:
    print("## Segmentation\n")
    print_machine("numpy", "numba", "pyarrow")
    found = [run_fresh(__file__, "--case", "pixels", "--size", i) for i in range(len(SHAPES))[sizes]]
    rows = [
        (
            f"{h} x {w}",
            f["mb"],
            f["copy"],
            f["ours"],
            f["copy"] / f["ours"],
            f["copy_cpu"] / f["ours_cpu"],
            f["peak_mb"],
        )
        for (h, w), f in zip(SHAPES[sizes], found, strict=True)
    ]
    exponent = growth_exponent([f["mb"] for f in found], [f["ours"] for f in found])
    print_table(
        f"entropy and BALD: {MEMBERS} members x {CLASSES} classes, float16, {THREADS} threads; exponent {exponent:.2f}",
        ("frame", "MB", "copy s", "measure s", "share of copy bandwidth", "the same, CPU", "peak MB"),
        rows,
    )
    frames = [run_fresh(__file__, "--case", "frames", "--size", n) for n in FRAMES[sizes]]
    exponent = growth_exponent(FRAMES[sizes], [f["both"] for f in frames])
    rows = [
        (n, f["read"], f["both"], f["both"] / f["read"], f["peak_mb"])
        for n, f in zip(FRAMES[sizes], frames, strict=True)
    ]
    print_table(
        f"frames of 540 x 960 x {CLASSES}, one member, from Parquet, one thread; exponent {exponent:.2f}",
        ("frames", "read s", "read + score s", "x read", "peak MB"),
        rows,
    )


def tensor(members: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    weights = rng.random((members, CLASSES, height, width), np.float32) ** 8
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float16)


def measure_pixels(height: int, width: int) -> None:
    """Times of copying a frame and of measuring it."""
    frame = tensor(MEMBERS, height, width)
    source, target = frame.reshape(-1), np.empty(frame.size, np.float16)
    bounds = np.linspace(0, frame.size, THREADS + 1).astype(int)
    with ThreadPoolExecutor(THREADS) as pool:

        def copy_part(i: int) -> None:
            np.copyto(target[bounds[i] : bounds[i + 1]], source[bounds[i] : bounds[i + 1]])

        copy = time_median(lambda: list(pool.map(copy_part, range(THREADS))), 9)
        ours = time_median(lambda: compute_pixel_measures(frame, ("entropy", "bald"), run=pool.map), 9)
    report(copy=copy, ours=ours, mb=frame.nbytes / 1e6)


def measure_frames(n_frames: int) -> None:
    """Times of reading frames and of reading and scoring them, one at a time."""
    frame = tensor(1, 540, 960)
    kernel = functools.partial(KERNELS["segmentation"], config=ScoreConfig())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.parquet"
        row = {"frame_id": ["f"], "scene_id": ["s"], "tensor": [frame.tobytes()], "shape": [list(frame.shape)]}
        table = pa.table({**row, "dtype": ["float16"]})
        table = table.set_column(2, "tensor", table["tensor"].cast(pa.large_binary()))
        with pq.ParquetWriter(path, table.schema, use_dictionary=False) as writer:
            for _ in range(n_frames):
                writer.write_table(table)

        def read(group: int) -> pa.Table:
            return pq.ParquetFile(path, pre_buffer=False).read_row_group(group, use_threads=False)

        found = {
            "read": time_median(lambda: [read(group).num_rows for group in range(n_frames)]),
            "both": time_median(lambda: [kernel(read(group)).num_rows for group in range(n_frames)]),
        }
    report(**found)


if __name__ == "__main__":
    main()
