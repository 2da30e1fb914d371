"""Records of a TFRecord file, without TensorFlow: a length, its checksum, the bytes, their checksum.

The checksum is CRC-32C, rotated by 15 bits and shifted by a constant, as TensorFlow's `record_writer` writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from oddloop.errors import MissingExtraError
from oddloop.exchange.sources.base import PartError, reading

_HEAD, _FOOT = struct.Struct("<QI"), struct.Struct("<I")
_MASK = 0xA282EAD8


def scan_records(file: Path) -> Iterator[tuple[int, int]]:
    """Where each record lies, (offset of its bytes, their number); only the lengths are read.

    Raises:
        PartError: a length does not fit its checksum, or the file ends within a record.
    """
    with reading(file), file.open("rb") as stream:
        size, at = file.stat().st_size, 0
        if not size:
            raise PartError.of(file, "no-records", "it is empty; copy it again")
        while at < size:
            stream.seek(at)
            head = stream.read(_HEAD.size)
            length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else size
            if len(head) == _HEAD.size and _HEAD.unpack(head)[1] != masked_crc(head[:8]):
                raise PartError.of(file, "not-tfrecord", f"at byte {at} there is no record; is it a TFRecord file?")
            end = at + _HEAD.size + length + _FOOT.size
            if end > size:
                raise PartError.of(file, "truncated", f"it ends within the record at byte {at}; copy it again")
            yield at + _HEAD.size, length
            at = end


def read_records(file: Path, places: list[tuple[int, int]]) -> Iterator[bytes]:
    """Bytes of the records at these places, checked.

    Raises:
        PartError: the bytes do not fit their checksum.
    """
    with reading(file), file.open("rb") as stream:
        for offset, length in places:
            stream.seek(offset)
            content, foot = stream.read(length), stream.read(_FOOT.size)
            if len(foot) < _FOOT.size or _FOOT.unpack(foot)[0] != masked_crc(content):
                raise PartError.of(file, "checksum", f"the record at byte {offset} is damaged; copy the file again")
            yield content


def masked_crc(content: bytes) -> int:
    """Checksum of some bytes as TFRecord files have it.

    Raises:
        MissingExtraError: `google-crc32c` is not installed.
    """
    try:
        import google_crc32c
    except ImportError as error:
        raise MissingExtraError("TFRecord files need: pip install 'oddloop[waymo]'") from error
    crc = int(google_crc32c.value(content))
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF
