"""A picture of how dense scenes lie, in the colours of what they are, as a PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import numpy.typing as npt

from oddloop.compiled import import_loops
from oddloop.report.palette import COLOURS
from oddloop.web.queries.clusters import LOOPS, Sight

WIDTH, HEIGHT = 1000, 560
_GREY = (128, 128, 128)
_GREY_BESIDE_MARK = 0.02
_LEAST_ALPHA = 70
_LEVEL = 1  # of compression: 3 takes nearly twice as long and saves a tenth
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def draw_density(
    xy: Floats, colour: Ints, *, paints: Sequence[str] = COLOURS, radius: int = 0, grey: float = 1.0
) -> bytes:
    """PNG of `WIDTH` × `HEIGHT` pixels: hue says what lies there, mixed by how many, and opacity how many in all.

    Opacity grows with the logarithm of the number, so that a single scene can be seen beside a thousand.

    Args:
        xy: (n,2) places from 0 to 1, from the left and the bottom.
        colour: (n,) what each is, by place; colours repeat after the last one; -1 is grey.
        paints: colours as `#rrggbb`.
        radius: each scene is a square of that many pixels to all sides of its own.
        grey: how much a grey scene counts in the mixture; what is sought stands out where it is small.
    """
    cell = (xy * [WIDTH, HEIGHT]).astype(np.int64)
    around = np.stack(np.meshgrid(*2 * [np.arange(-radius, radius + 1)]), axis=-1).reshape(-1, 1, 2)
    cell = np.clip((cell + around).reshape(-1, 2), 0, [WIDTH - 1, HEIGHT - 1])
    colour = np.tile(colour, len(around))
    pixel = (HEIGHT - 1 - cell[:, 1]) * WIDTH + cell[:, 0]
    n = len(paints)
    kind = np.where(colour < 0, n, colour % n)
    # One sum per channel: counts by pixel and colour would take more room than all scenes do.
    weight, palette = _mixture(paints, grey)
    counts = np.bincount(pixel, minlength=WIDTH * HEIGHT)
    filled = np.flatnonzero(counts)
    weights = np.bincount(pixel, weight[kind], minlength=WIDTH * HEIGHT)[filled]
    image = np.zeros((WIDTH * HEIGHT, 4), dtype=np.uint8)
    for channel in range(3):
        mixed = np.bincount(pixel, (weight * palette[:, channel])[kind], minlength=WIDTH * HEIGHT)[filled]
        image[filled, channel] = np.rint(mixed / weights)
    image[:, 3] = _opacity(counts)
    return encode_png(image.reshape(HEIGHT, WIDTH, 4))


def _mixture(paints: Sequence[str], grey: float) -> tuple[Floats, Floats]:
    """(k,) how much each kind counts in the mixture, and (k,3) its colour; grey is the last."""
    weight = np.append(np.ones(len(paints)), grey)
    return weight, np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in paints] + [list(_GREY)], dtype=float)


def _opacity(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Opacity of pixels by the scenes that lie there; 0 where there are none."""
    depth = np.log1p(np.arange(counts.max(initial=1) + 1))
    of_count = np.rint(_LEAST_ALPHA + (255 - _LEAST_ALPHA) * (depth / depth[-1])).astype(np.uint8)
    of_count[0] = 0
    found: npt.NDArray[np.uint8] = of_count[counts]
    return found


def draw_sight(sight: Sight | None, *, is_marked: bool) -> bytes:
    """PNG of the scenes in sight, as far as hue goes in the colours of the legend.

    Args:
        sight: the scenes; None draws nothing.
        is_marked: whether one cluster is sought among them.
    """
    if sight is None:
        return draw_density(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    paints, kinds = np.unique([key.paint for key in sight.keys] or list(COLOURS), return_inverse=True)
    grey = _GREY_BESIDE_MARK if is_marked else 1.0
    if sight.is_dense and (loops := import_loops(LOOPS)) is not None:
        return _draw_by(loops, sight, np.append(kinds, len(paints))[sight.place], paints.tolist(), grey)
    xy, place = sight.dots()
    radius = 0 if sight.is_dense else 2
    return draw_density(xy, np.append(kinds, -1)[place], paints=paints.tolist(), radius=radius, grey=grey)


def _draw_by(loops: ModuleType, sight: Sight, kind: Ints, paints: Sequence[str], grey: float) -> bytes:
    """What `draw_density` draws with a radius of 0, in two compiled passes; `kind` is by label."""
    counts = np.zeros((HEIGHT, WIDTH, len(paints) + 1), dtype=np.int32)
    places = sight.whole.places
    loops.count_by_pixel(places.x, places.y, sight.label, kind, sight.low, sight.high, counts)
    image, total = np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8), np.zeros((HEIGHT, WIDTH), dtype=np.int32)
    loops.mix(counts, *_mixture(paints, grey), image, total)
    image[:, :, 3] = _opacity(total)
    return encode_png(image)


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """An image (h,w,4) of red, green, blue and opacity as PNG (ISO/IEC 15948).

    >>> encode_png(np.zeros((1, 2, 4), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    height, width = image.shape[:2]
    rows = np.zeros((height, 1 + width * 4), dtype=np.uint8)  # every row begins with its filter: none
    rows[:, 1:] = image.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), _LEVEL)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
