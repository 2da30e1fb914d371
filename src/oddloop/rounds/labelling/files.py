"""Take a delivery that is a file, whichever tool wrote it: its name and first bytes say which."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

from oddloop.errors import LabellingError
from oddloop.exchange.labelling import coco, cvat, label_studio, sheets
from oddloop.exchange.labelling.coco import read_dataset
from oddloop.exchange.labelling.cvat_xml import read_annotations
from oddloop.exchange.labelling.delivery import MAX_BYTES, Delivery, Faults, Sent, time_of
from oddloop.exchange.labelling.guarded_xml import CHUNK_BYTES
from oddloop.exchange.labelling.label_studio_export import read_export
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling.receive import Taken, receive
from oddloop.rounds.ledger import Author

_MAX_XML_BYTES = 16 << 30


def receive_file(
    workspace: Workspace,
    file: Path,
    author: Author,
    *,
    tool: str = "",
    finished: Collection[str] = (),
    replace_known: bool = False,
    times_s: Mapping[str, float] | None = None,
) -> Taken:
    """Take a labelling tool's export.

    Args:
        workspace: the workspace.
        file: Label Studio's JSON, CVAT's XML (or the ZIP around it), COCO JSON, or a CSV sheet of boxes.
        author: who takes it.
        tool: which of them; "" finds out.
        finished: for CVAT, COCO and CSV, which do not say so: ids of finished scenes, or `all`.
        replace_known: take corrections of scenes that have labels already.
        times_s: what scenes took, in s, where the tool itself does not say it.

    Raises:
        LabellingError: the file is faulty, or nothing was sent; nothing was written.
    """
    return receive(
        workspace,
        author,
        lambda sent, _ledger: read_delivery(file, sent, tool or tool_of(file), finished),
        replace_known=replace_known,
        times_s=times_s or {},
    )


def read_times(file: Path) -> dict[str, float]:
    """What scenes took, in s: a CSV with scene_id and time_s, each scene once.

    Raises:
        LabellingError: a column is missing, a time is no number of 0 or more, or a scene stands twice.
    """
    rows = sheets.read_rows(_text(file), str(file), ("scene_id", "time_s"))
    faults, times = Faults(str(file)), {}
    for number, row in enumerate(rows, 2):
        scene_id, seconds = str(row["scene_id"] or ""), time_of(row["time_s"] or "", faults, f"line {number}")
        if scene_id in times:
            faults.add(f"line {number}", f"scene {scene_id!r:.60} stands twice")
        elif seconds is not None:
            times[scene_id] = seconds
    faults.refuse()
    return times


def tool_of(file: Path) -> str:
    """Which tool wrote a file.

    Raises:
        LabellingError: none that is known.
    """
    with _opened(file) as stream:
        head = stream.read(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return cvat.TOOL
    if head.startswith(b"["):
        return label_studio.TOOL
    if head.startswith(b"{"):
        return coco.TOOL
    if sheets.is_boxes_sheet(head.split(b"\n")[0].decode("utf-8", "replace")):
        return sheets.TOOL
    raise LabellingError(
        f"{file}: neither Label Studio's JSON, CVAT's XML, COCO JSON nor a sheet of boxes; say which with --tool"
    )


def read_delivery(file: Path, sent: Sent, tool: str, finished: Collection[str]) -> Delivery:
    """Read a file of a tool.

    Raises:
        LabellingError: it is faulty.
    """
    if tool not in _READERS:
        raise LabellingError(f"no labelling tool is called {tool!r}; there are: {', '.join(_READERS)}")
    return _READERS[tool](file, sent, finished)


def _read_label_studio(file: Path, sent: Sent, _finished: Collection[str]) -> Delivery:
    return read_export(_content(file), sent, str(file))


def _read_cvat(file: Path, sent: Sent, finished: Collection[str]) -> Delivery:
    return read_annotations(_chunks(file), sent, finished, str(file))


def _read_coco(file: Path, sent: Sent, finished: Collection[str]) -> Delivery:
    return read_dataset(_content(file), sent, finished, str(file))


def _read_sheet(file: Path, sent: Sent, finished: Collection[str]) -> Delivery:
    return sheets.read_boxes(_text(file), sent, finished, str(file))


_READERS: Mapping[str, Callable[[Path, Sent, Collection[str]], Delivery]] = {
    label_studio.TOOL: _read_label_studio,
    cvat.TOOL: _read_cvat,
    coco.TOOL: _read_coco,
    sheets.TOOL: _read_sheet,
}


def _text(file: Path) -> str:
    try:
        return _content(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabellingError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _content(file: Path) -> bytes:
    with _opened(file) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise LabellingError(f"{file}: longer than {MAX_BYTES >> 20} MB; export fewer tasks at a time")
    return content


def _chunks(file: Path) -> Iterator[bytes]:
    n_bytes = 0
    with _opened(file) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > _MAX_XML_BYTES:
                raise LabellingError(f"{file}: longer than {_MAX_XML_BYTES >> 30} GB; export fewer tasks at a time")
            yield chunk


def _opened(file: Path) -> IO[bytes]:
    """The file, or what is in it where it is a ZIP of one annotation file."""
    if not zipfile.is_zipfile(file):
        return file.open("rb")
    try:
        archive = zipfile.ZipFile(file)
        names = [n for n in archive.namelist() if n.endswith((".xml", ".json", ".csv"))]
        if len(names) != 1:
            raise LabellingError(f"{file}: {len(names)} annotation files in the ZIP; give one of them")
        return archive.open(names[0])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise LabellingError(f"{file}: not readable as ZIP: {error}") from None
