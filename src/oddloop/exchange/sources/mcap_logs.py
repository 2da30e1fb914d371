"""MCAP logs, such as ROS 2 bags: topics to statistics of telemetry, scene by scene.

    **/*.mcap       a log each, cut evenly into scenes

Of each topic: how many messages a second. Of each number in its messages: mean, standard deviation, least and largest,
in columns of `scenes` named `<topic>_<field>_mean` and so on. Messages in JSON are decoded here; those in ROS 1, ROS 2
and protobuf where the decoders of the MCAP project are installed (`mcap-ros1-support`, `mcap-ros2-support`,
`mcap-protobuf-support`); of others only the rate is known. Lists are passed over: images, points, covariances.

A topic with the fields `latitude` and `longitude` gives the scene's place, and with it the sun. Time grows with the
messages; memory with the numbers of a log.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import MissingExtraError, SourceError
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.sun import ELEVATION_RULE, RULE, sun_columns
from oddloop.exchange.sources.base import Part, PartError, Tables, reading
from oddloop.exchange.sources.drive import numbered
from oddloop.tables import SCENES

DECODERS = ("mcap_ros1", "mcap_ros2", "mcap_protobuf")
STATS = ("mean", "std", "min", "max")
DEEPEST = 4
"""Messages within messages are followed so far."""
PLACE = ("latitude", "longitude")
Series = tuple[list[int], list[float]]
"""Times and numbers."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class McapLogs:
    """Logs below a folder; see the module for what is read."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        try:
            from mcap.reader import make_reader
        except ImportError as error:
            raise MissingExtraError("MCAP logs need: pip install 'oddloop[mcap]'") from error
        self._open = make_reader

    def parts(self) -> Iterator[Part]:
        """One part per log."""
        files = sorted(p for p in self.folder.glob("**/*.mcap") if p.is_file())
        if not files:
            raise SourceError(f"{self.folder}: no .mcap file below it; give the folder that holds the logs")
        return (Part(file.relative_to(self.folder).with_suffix("").as_posix(), (file,)) for file in files)

    def read(self, part: Part) -> Tables:
        """The scenes of one log."""
        (file,) = part.files
        with _strict(file), file.open("rb") as stream:
            return {"scenes": self._scenes(part.name, file, self._open(stream, True))}

    def _scenes(self, log_id: str, file: Path, reader: Any) -> pa.Table:
        summary = reader.get_summary()
        if summary is None or summary.statistics is None or not summary.statistics.message_count:
            raise PartError.of(file, "no-messages", "it has no messages or no summary; was it closed properly?")
        begin, end = summary.statistics.message_start_time, summary.statistics.message_end_time
        n = max(1, round((end - begin) / 1e9 / self.scene_s))
        bounds = begin + np.arange(n + 1) * (end + 1 - begin) // n
        times, values = _numbers(reader)
        length_s = np.diff(bounds) / 1e9
        columns = {
            "scene_id": numbered(log_id, n),
            "log_id": pa.repeat(log_id, n),
            "start_ns": pa.array(bounds[:-1]),
            "duration_s": pa.array(length_s),
            **_rates(times, bounds, length_s, file),
            **_statistics(values, bounds, file),
            **_places(values, bounds),
        }
        return mark_derived(pa.table(columns), {"time_of_day": RULE, "sun_elevation_deg": ELEVATION_RULE})


@contextlib.contextmanager
def _strict(file: Path) -> Iterator[None]:
    """Whatever a reader or decoder makes of a damaged file becomes a fault that names it."""
    try:
        with reading(file):
            yield
    except PartError:
        raise
    except Exception as error:  # decompressors and decoders have errors of their own
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise PartError.of(file, "unreadable", f"cannot be read: {said}; `mcap doctor` says more") from error


def _factories() -> list[Any]:
    found: list[Any] = [_JsonDecoder()]
    for name in DECODERS:
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(f"{name}.decoder").DecoderFactory())
    return found


class _JsonDecoder:
    """Decodes messages that are written in JSON."""

    def decoder_for(self, message_encoding: str, _schema: object) -> Any:
        """A function from bytes to a value, or None for another encoding."""
        return json.loads if message_encoding == "json" else None


class _Decoders:
    """The function that decodes each channel's messages, looked up once."""

    def __init__(self) -> None:
        self._factories = _factories()
        self._of: dict[int, Callable[[bytes], object] | None] = {}

    def decode(self, schema: Any, channel: Any, message: Any) -> object:
        """The message's content; None where nobody can decode it."""
        if channel.id not in self._of:
            found = (factory.decoder_for(channel.message_encoding, schema) for factory in self._factories)
            self._of[channel.id] = next((decoder for decoder in found if decoder is not None), None)
        decoder = self._of[channel.id]
        return None if decoder is None else decoder(message.data)


def _numbers(reader: Any) -> tuple[dict[str, list[int]], dict[str, Series]]:
    """Times by topic; times and numbers by topic and field."""
    times: dict[str, list[int]] = defaultdict(list)
    values: dict[str, Series] = defaultdict(lambda: ([], []))
    decoders = _Decoders()
    for schema, channel, message in reader.iter_messages():
        times[channel.topic].append(message.log_time)
        for field, number in _leaves(decoders.decode(schema, channel, message), "", DEEPEST):
            at, held = values[f"{channel.topic}{field}"]
            at.append(message.log_time)
            held.append(number)
    return times, values


def _leaves(content: object, path: str, depth: int) -> Iterator[tuple[str, float]]:
    """Numbers of a message with their path; truth values are 0 and 1."""
    if isinstance(content, bool | int | float):
        if np.isfinite(content):
            yield path, float(content)
    elif depth:
        for name, value in _fields(content):
            yield from _leaves(value, f"{path}/{name}", depth - 1)


def _fields(content: object) -> Iterable[tuple[str, object]]:
    """Fields of a mapping, of a ROS message (which lists them in its slots), or of a protobuf message."""
    if isinstance(content, Mapping):
        return content.items()
    if hasattr(content, "ListFields"):
        return ((field.name, value) for field, value in content.ListFields())
    return ((name, getattr(content, name)) for name in getattr(content, "__slots__", ()) if not name.startswith("_"))


def _rates(times: Mapping[str, list[int]], bounds: Ints, length_s: Floats, file: Path) -> dict[str, pa.Array]:
    named = _named([f"{topic} rate_hz" for topic in times], file)
    counts = (np.histogram(np.array(at), bounds)[0] for at in times.values())
    return {name: pa.array(count / length_s) for name, count in zip(named, counts, strict=True)}


def _statistics(values: Mapping[str, Series], bounds: Ints, file: Path) -> dict[str, pa.Array]:
    found = {f"{field} {stat}": column for field, series in values.items() for stat, column in _of(series, bounds)}
    return dict(zip(_named(list(found), file), found.values(), strict=True))


def _of(series: Series, bounds: Ints) -> Iterator[tuple[str, pa.Array]]:
    """Statistics of each scene; null in one without a number."""
    number = np.array(series[1])
    scene = np.searchsorted(bounds, np.array(series[0]), side="right") - 1
    count = np.bincount(scene, minlength=len(bounds) - 1)
    least, largest = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(least, scene, number)
    np.maximum.at(largest, scene, number)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(scene, number, len(count)) / count
        # Around the mean, since squares of large numbers, such as times, leave no digits for their spread.
        std = np.sqrt(np.bincount(scene, (number - mean[scene]) ** 2, len(count)) / count)
    nothing = count == 0
    for stat, column in zip(STATS, (mean, std, least, largest), strict=True):
        yield stat, pa.array(column, mask=nothing)


def _places(values: Mapping[str, Series], bounds: Ints) -> dict[str, pa.Array]:
    """Mean place and the sun there, of the first topic that tells both coordinates; nothing where none does."""
    topics = sorted(field.removesuffix(f"/{PLACE[0]}") for field in values if field.endswith(f"/{PLACE[0]}"))
    topic = next((topic for topic in topics if f"{topic}/{PLACE[1]}" in values), None)
    if topic is None:
        return {}
    means = [dict(_of(values[f"{topic}/{name}"], bounds))["mean"] for name in PLACE]
    latitude, longitude = (mean.to_numpy(zero_copy_only=False) for mean in means)
    known = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    latitude, longitude = np.where(known, latitude, np.nan), np.where(known, longitude, np.nan)
    return {
        "latitude_deg": pa.array(latitude, from_pandas=True),
        "longitude_deg": pa.array(longitude, from_pandas=True),
        **sun_columns(bounds[:-1], latitude, longitude),
    }


def _named(texts: list[str], file: Path) -> list[str]:
    """Names of columns: letters, digits and single underscores.

    Raises:
        PartError: two become one, or one is the name of a column that all scenes have.
    """
    names = [re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") for text in texts]
    known = set(SCENES.schema().names)
    for name, text in zip(names, texts, strict=True):
        if name in known:
            raise PartError.of(file, "same-name", f"{text!r} would be the column `{name}`, which is there already")
        known.add(name)
    return names
