"""What a labelling tool's webhook says, once it is known to come from the tool.

A webhook is only a knock on the door: what is finished is then asked of the tool itself. So a call that is lost,
repeated, late or forged changes nothing that a poll would not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from oddloop.errors import LabellingError
from oddloop.exchange.labelling import cvat, label_studio
from oddloop.exchange.labelling.delivery import mapping_of, read_json, text_of

SIGNATURE = "X-Signature-256"
"""Header in which CVAT signs the body."""
SECRET_HEADER = "X-Oddloop-Secret"  # noqa: S105  the name of a header
"""Header in which Label Studio, which signs nothing, sends the secret itself."""
_LABELS_MAY_CHANGE = {
    cvat.TOOL: ("update:job", "update:task", "completed:request[export:dataset]"),
    label_studio.TOOL: ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"),
}


class RefusedCallError(LabellingError):
    """A webhook call that does not carry the secret."""


@dataclass(frozen=True)
class WebhookCall:
    """A call that was found genuine.

    Attributes:
        tool: who called.
        event: what happened, in the tool's words.
        is_news: whether labels may have changed, so that the tool should be asked.
    """

    tool: str
    event: str
    is_news: bool


def handle_webhook(headers: Mapping[str, str], body: bytes, secret: str) -> WebhookCall:
    """Check and read a call of CVAT (signed) or Label Studio (with the secret in a header); pure.

    Args:
        headers: the call's headers, in any case.
        body: the call's body, as it came.
        secret: what CVAT signs with, and what Label Studio sends in `X-Oddloop-Secret`.

    Raises:
        RefusedCallError: there is no secret, or the call does not prove that it knows it.
        LabellingError: the body is no such call.

    >>> handle_webhook({"x-oddloop-secret": "s"}, b'{"action": "ANNOTATION_CREATED"}', "s")
    WebhookCall(tool='label-studio', event='ANNOTATION_CREATED', is_news=True)
    """
    given = {name.lower(): value for name, value in headers.items()}
    if not secret:
        raise RefusedCallError("webhook: no secret is set, so no call is taken")
    signature, shared = given.get(SIGNATURE.lower()), given.get(SECRET_HEADER.lower())
    if signature is not None:
        tool = cvat.TOOL
        wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        is_genuine = hmac.compare_digest(signature.encode(), wanted.encode())
    else:
        tool = label_studio.TOOL
        is_genuine = hmac.compare_digest((shared or "").encode(), secret.encode())
    if not is_genuine:
        raise RefusedCallError(f"webhook: the call does not carry the secret ({SIGNATURE} or {SECRET_HEADER})")
    said = mapping_of(read_json(body, "webhook"))
    event = text_of(said.get("event" if tool == cvat.TOOL else "action"))
    if not event:
        raise LabellingError(f"webhook: a call of {tool} without its event")
    return WebhookCall(tool, event, event in _LABELS_MAY_CHANGE[tool])
