"""Webhooks: genuine calls have the tool asked, others change nothing, and replays are harmless."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Iterator

import pytest

from oddloop.errors import LabellingError, WorkspaceError
from oddloop.exchange.labelling.webhook import RefusedCallError, WebhookCall, handle_webhook
from oddloop.rounds.labelling.listen import Listener

JOB = json.dumps({"event": "update:job", "job": {"id": 1}, "webhook_id": 3}).encode()
DONE = json.dumps({"action": "ANNOTATION_CREATED", "task": {"id": 1}}).encode()
SECRET = "s3cret"


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"x-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize(
    ("headers", "body", "call"),
    [
        (signed(JOB), JOB, WebhookCall("cvat", "update:job", True)),
        (signed(b'{"event":"ping"}'), b'{"event":"ping"}', WebhookCall("cvat", "ping", False)),
        ({"X-ODDLOOP-Secret": SECRET}, DONE, WebhookCall("label-studio", "ANNOTATION_CREATED", True)),
        ({"x-oddloop-secret": SECRET}, b'{"action":"PROJECT_CREATED"}',
         WebhookCall("label-studio", "PROJECT_CREATED", False)),
    ],
)  # fmt: skip
def test_a_genuine_call_is_read(headers: dict[str, str], body: bytes, call: WebhookCall) -> None:
    assert handle_webhook(headers, body, SECRET) == call


@pytest.mark.parametrize(
    ("headers", "body", "secret"),
    [
        ({}, JOB, SECRET),
        (signed(JOB, "guess"), JOB, SECRET),
        (signed(JOB), JOB + b" ", SECRET),  # the body was changed
        ({"X-Signature-256": "sha256=é"}, JOB, SECRET),
        ({"X-Oddloop-Secret": "s3cre"}, DONE, SECRET),
        ({"X-Oddloop-Secret": SECRET, "X-Signature-256": "sha256=0"}, DONE, SECRET),  # signed wins, and is wrong
        ({"X-Oddloop-Secret": ""}, DONE, ""),  # no secret is set
    ],
)
def test_a_call_without_the_secret_is_refused(headers: dict[str, str], body: bytes, secret: str) -> None:
    with pytest.raises(RefusedCallError):
        handle_webhook(headers, body, secret)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event": 3}', b'{"event": "update:job"', b"\xff"])
def test_a_genuine_call_that_says_nothing_is_told_of(body: bytes) -> None:
    with pytest.raises(LabellingError, match="webhook: "):
        handle_webhook(signed(body), body, SECRET)


class Heard:
    """A listener that runs, and what it was asked and said."""

    def __init__(self) -> None:
        self.n_asked = 0
        self.said: list[str] = []
        self.listener = Listener(SECRET, self.ask, self.said.append, every_s=60.0)

    def ask(self) -> None:
        self.n_asked += 1
        if self.n_asked == 1:
            raise WorkspaceError("another oddloop process is writing")

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=10)
        connection.request("POST", "/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def heard() -> Iterator[Heard]:
    one = Heard()
    thread = threading.Thread(target=one.listener.serve)
    thread.start()
    yield one
    one.listener.close()
    thread.join()


def wait_for(heard: Heard, n: int) -> None:
    end = time.monotonic() + 10
    while heard.n_asked < n:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_calls_are_answered_at_once_and_asked_about_beside(heard: Heard) -> None:
    wait_for(heard, 1)  # at the start, for calls that came while nobody listened; an error ends nothing
    assert heard.said == ["another oddloop process is writing"]
    assert [heard.post(JOB, signed(JOB)) for _ in range(5)] == [202] * 5
    wait_for(heard, 2)
    time.sleep(0.1)
    n = heard.n_asked
    assert n <= 6
    assert heard.post(JOB, signed(JOB, "guess")) == 401
    assert heard.post(b"[]", signed(b"[]")) == 400
    assert heard.post(b"x", {"Content-Length": "99999999999"}) == 413
    assert heard.post(b'{"event":"ping"}', signed(b'{"event":"ping"}')) == 202
    time.sleep(0.1)
    assert heard.n_asked == n


def test_without_a_secret_nothing_listens() -> None:
    with pytest.raises(LabellingError, match=r"no secret for webhooks: put one into the environment variable"):
        Listener("", lambda: None, print)
