"""Small made-up MCAP logs: an IMU in JSON, fixes, a camera that nobody decodes."""

from __future__ import annotations

import json
from pathlib import Path

START_NS = 1_717_243_200_000_000_000  # 2024-06-01 12:00 UTC


def write_log(file: Path, *, seconds: int = 40, start_ns: int = START_NS) -> None:
    from mcap.writer import Writer

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        writer = Writer(stream, chunk_size=4096)
        writer.start()
        schema = writer.register_schema("any", "jsonschema", b"{}")
        imu, fix = (writer.register_channel(topic, "json", schema) for topic in ("/imu/data", "/gps/fix"))
        camera = writer.register_channel("/camera", "h264", 0)
        for i in range(seconds * 10):
            at = start_ns + i * 100_000_000
            body = {"accel": {"x": float(i // 10), "y": -1}, "ok": True, "name": "a", "covariance": [1.0, 2.0]}
            writer.add_message(imu, at, json.dumps(body).encode(), at)
            if i % 10 == 0:
                place = {"latitude": 52.5, "longitude": 13.4}
                writer.add_message(fix, at, json.dumps(place).encode(), at)
                writer.add_message(camera, at, b"\x00\x01", at)
        writer.finish()


def write_folder(folder: Path) -> None:
    write_log(folder / "day/one.mcap")
    write_log(folder / "two.mcap", seconds=15, start_ns=START_NS + 12 * 3600 * 10**9)
