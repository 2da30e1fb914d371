"""The intake: is a scene that has come in kept, and what would its scores be."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from oddloop.errors import OddloopError, TableError
from oddloop.rounds.intake.online import TIMES, score_online, spec_of
from oddloop.tables import TableSpec
from oddloop.web.access.writes import ARROW, JSON, KEEP, SCORE
from oddloop.web.answers import answer_recorded
from oddloop.web.intake import Answers, KeepAsked, Kept, question_of
from oddloop.web.problems import refuse
from oddloop.web.site import site_of, writer_of

router = APIRouter(tags=["intake"])
ANSWER_S = 10.0
"""Whoever has waited so long for an answer is told to ask again."""


@dataclass(frozen=True)
class Scored:
    """Scene scores of posted rows, one object per scene; `scores` names what thresholds and ranks were fitted to."""

    model_id: str
    scores: str
    scenes: list[dict[str, Any]]


@router.post(KEEP, response_model=Kept)
async def keep(request: Request, asked: KeepAsked) -> Response:
    """Is this scene kept? The answer is recorded before it is given; asked again, it is the same.

    503 means that nothing is known to be recorded: ask again with the same `request_id`.
    """
    intake = site_of(request).intake
    try:
        rulebook, desk = intake.opened() if intake.is_open else await run_in_threadpool(intake.opened)
        question = question_of(asked, rulebook.ruling(), writer_of(request))
        recorded = await asyncio.wait_for(asyncio.wrap_future(desk.ask(question)), ANSWER_S)
    except TableError as error:
        return refuse(request, 422, str(error))
    except TimeoutError:
        return refuse(request, 503, "the intake takes too long; ask again with the same request_id", _AGAIN)
    except OddloopError as error:
        return refuse(request, 503, str(error), _AGAIN)
    return answer_recorded(Kept.of(recorded))


@router.get(KEEP, response_model=Answers)
def list_answers(
    request: Request,
    since: Annotated[int, Query(ge=0, le=2**53, description="only answers of a higher `seq`")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What the intake has answered, in the order in which it was recorded."""
    return answer_recorded(site_of(request).intake.answers(since, limit))


_AGAIN = {"Retry-After": "1"}


async def _body_of(request: Request) -> bytes:
    return await request.body()


_ROWS = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "array", "items": {"type": "object"}}}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": _ROWS}, ARROW: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(SCORE, response_model=Scored, openapi_extra=_BODY, responses={200: {"content": {ARROW: {}}}})
def score(
    request: Request,
    content: Annotated[bytes, Depends(_body_of)],
    task: Annotated[str, Query(max_length=50, description="table that the rows are of, such as `detection`")],
) -> Response:
    """Score rows with what is known of the current model; nothing is recorded.

    Rows are those of `predictions/<task>`, or of `features`, as JSON or as an Arrow IPC stream; with `timestamp_ns`,
    scores over time are made, too. Send whole scenes. `Accept: application/vnd.apache.arrow.stream` gives Arrow back.
    """
    known = site_of(request).intake.known()
    try:
        scenes = score_online(_read_rows(request, content, task, known.tasks), task, known)
    except TableError as error:
        return refuse(request, 422, str(error))
    if ARROW in request.headers.get("accept", ""):
        scenes = scenes.replace_schema_metadata({"model_id": known.model.model_id, "scores": known.digest})
        return Response(_as_stream(scenes), media_type=ARROW)
    return answer_recorded(Scored(known.model.model_id, known.digest, scenes.to_pylist()))


def _read_rows(request: Request, content: bytes, task: str, tasks: list[str]) -> pa.Table:
    if task not in tasks:
        raise TableError(f"task {task!r} cannot be scored online; these can: {', '.join(tasks)}")
    try:
        if request.headers.get("content-type", "").startswith(ARROW):
            sent = pa.ipc.open_stream(content).read_all()
            sent.validate(full=True)  # offsets that point beyond their buffers would be followed
            return sent
        return _table_of(json.loads(content), spec_of(task))
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise RequestValidationError(
            [{"loc": ("body",), "msg": f"no rows of {task}: {said}", "type": "value_error"}]
        ) from error


def _table_of(sent: Any, spec: TableSpec) -> pa.Table:
    """Rows as a table: declared columns in their types; what is not declared is left out."""
    rows = sent.get("rows") if isinstance(sent, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError('send {"rows": [{...}, ...]}, one object per row')
    names = dict.fromkeys(name for row in rows for name in row)
    fields = [pa.field(c.name, c.type) for c in spec.columns if c.name in names]
    fields += [pa.field(TIMES, pa.int64())] if TIMES in names else []
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _as_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
