"""Read XML as a stream, and refuse what makes XML dangerous: document types, entities, and nesting without end.

Without a document type no entity can be declared, so none can expand or lead to a file. Memory is one chunk and the
path of open elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.parsers import expat

from oddloop.errors import LabellingError

Path = tuple[str, ...]
"""Names of the open elements, outermost first."""
_MAX_DEPTH = 32
_MAX_TEXT = 1 << 16
CHUNK_BYTES = 1 << 20


def read_elements(
    chunks: Iterable[bytes],
    source: str,
    *,
    on_start: Callable[[Path, dict[str, str]], None] = lambda _path, _values: None,
    on_end: Callable[[Path, str], None] = lambda _path, _text: None,
) -> None:
    """Call `on_start` with each element's path and attributes, and `on_end` with its path and own text.

    Raises:
        LabellingError: it is not well-formed, has a document type, or is nested or written out without end.

    >>> read_elements([b"<a><b x='1'>t</b></a>"], "x.xml", on_end=lambda path, text: print(path, repr(text)))
    ('a', 'b') 't'
    ('a',) ''
    """
    parser = expat.ParserCreate()
    path: list[str] = []
    texts: list[list[str]] = []

    def start(name: str, values: dict[str, str]) -> None:
        if len(path) >= _MAX_DEPTH:
            raise LabellingError(f"{source}: elements are nested deeper than {_MAX_DEPTH}; this is no labelling export")
        path.append(name)
        texts.append([])
        on_start(tuple(path), values)

    def end(_name: str) -> None:
        on_end(tuple(path), "".join(texts.pop()))
        path.pop()

    def text(content: str) -> None:
        if texts and sum(map(len, texts[-1][-1:])) + len(content) <= _MAX_TEXT and len(texts[-1]) < _MAX_TEXT:
            texts[-1].append(content)

    def refuse(*_: object) -> None:
        raise LabellingError(f"{source}: it declares a document type or an entity, which no labelling tool writes")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise LabellingError(
            f"{source}: not readable as XML: {error}; export it again, or see whether it was cut off"
        ) from None
