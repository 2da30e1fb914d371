"""The messages of Waymo's motion scenarios that are read, as protobuf classes: the published numbers and types.

Made from a description here, so that neither TensorFlow nor Waymo's package is needed; fields that are not named are
skipped by protobuf itself. Numbers: `scenario.proto` of the Waymo Open Dataset, as of version 1.3.
"""

from __future__ import annotations

import functools
from typing import Any

from oddloop.errors import MissingExtraError

_PACKAGE = "oddloop.waymo"
_DOUBLE, _FLOAT, _INT32, _BOOL, _STRING, _MESSAGE = 1, 2, 5, 8, 9, 11  # FieldDescriptorProto.Type
_OPTIONAL, _REPEATED = 1, 3  # FieldDescriptorProto.Label
_MESSAGES: dict[str, list[tuple[str, int, int, int, str]]] = {
    "ObjectState": [
        *((name, 2 + i, _DOUBLE, _OPTIONAL, "") for i, name in enumerate(("center_x", "center_y", "center_z"))),
        *((name, 5 + i, _FLOAT, _OPTIONAL, "") for i, name in enumerate(("length", "width", "height", "heading"))),
        *((name, 9 + i, _FLOAT, _OPTIONAL, "") for i, name in enumerate(("velocity_x", "velocity_y"))),
        ("valid", 11, _BOOL, _OPTIONAL, ""),
    ],
    "Track": [
        ("id", 1, _INT32, _OPTIONAL, ""),
        ("object_type", 2, _INT32, _OPTIONAL, ""),  # an enum, which is written as an int32
        ("states", 3, _MESSAGE, _REPEATED, "ObjectState"),
    ],
    "RequiredPrediction": [("track_index", 1, _INT32, _OPTIONAL, "")],
    "Scenario": [
        ("timestamps_seconds", 1, _DOUBLE, _REPEATED, ""),
        ("tracks", 2, _MESSAGE, _REPEATED, "Track"),
        ("objects_of_interest", 4, _INT32, _REPEATED, ""),
        ("scenario_id", 5, _STRING, _OPTIONAL, ""),
        ("sdc_track_index", 6, _INT32, _OPTIONAL, ""),
        ("current_time_index", 10, _INT32, _OPTIONAL, ""),
        ("tracks_to_predict", 11, _MESSAGE, _REPEATED, "RequiredPrediction"),
    ],
}


@functools.cache
def scenario_class() -> Any:
    """The message `Scenario`.

    Raises:
        MissingExtraError: `protobuf` is not installed.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise MissingExtraError("Waymo's motion scenarios need: pip install 'oddloop[waymo]'") from error
    file = descriptor_pb2.FileDescriptorProto(name="oddloop_waymo.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind, label, of in fields:
            whose = {"type_name": f".{_PACKAGE}.{of}"} if of else {}
            described.field.add(name=name, number=number, type=kind, label=label, **whose)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Scenario"))
