"""Forms that pages send without a script, read into the same models as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ValidationError, ValidationInfo
from starlette.requests import Request

from oddloop.web.access.writes import PAGE_TOKEN

M = TypeVar("M", bound=BaseModel)
_MAX_FIELDS, _FORM = 1000, "form"


def _as_json(value: object, info: ValidationInfo) -> object:
    """Whole numbers and yes of a form, which sends texts, as JSON has them; in JSON 2.0 is a whole number."""
    if isinstance(value, str) and info.context == _FORM:
        return int(value) if value.isdecimal() else value == "true" or value
    return int(value) if isinstance(value, float) and value.is_integer() else value


AsJson = BeforeValidator(_as_json)
"""For strict numbers and booleans, which are strict so that JSON says just what the API's description allows."""


async def form_of(request: Request) -> dict[str, str]:
    """Fields of a form, without those that are empty and without the page's own token.

    Raises:
        RequestValidationError: it is none.
    """
    try:
        fields = parse_qsl((await request.body()).decode(), max_num_fields=_MAX_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise RequestValidationError([_fault(("body",), "this is no form")]) from error
    return {name: value for name, value in fields if name != PAGE_TOKEN}


def read_form(model: type[M], fields: Mapping[str, Any]) -> M:
    """The fields as a model.

    Raises:
        RequestValidationError: they are not what it declares.
    """
    try:
        return model.model_validate(dict(fields), context=_FORM)
    except ValidationError as error:
        faults = [_fault(("body", *fault["loc"]), fault["msg"]) for fault in error.errors()]
        raise RequestValidationError(faults) from error


def _fault(where: tuple[str | int, ...], what: str) -> dict[str, object]:
    return {"loc": where, "msg": what, "type": "value_error"}
