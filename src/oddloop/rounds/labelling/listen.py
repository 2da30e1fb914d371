"""A small server for webhooks: a genuine call has the labelling tool asked what is finished.

Calls are answered at once, since tools wait a second or less; asking goes on beside, one after the other, however many
calls came meanwhile. It is also asked every now and then without a call, since tools lose calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oddloop.errors import LabellingError, OddloopError
from oddloop.exchange.labelling.webhook import RefusedCallError, handle_webhook

LOOPBACK = "127.0.0.1"
_MAX_BODY_BYTES = 32 << 20
_PATIENCE_S = 10.0


class Listener:
    """Takes webhook calls on a port, and asks the tool beside.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self,
        secret: str,
        ask: Callable[[], None],
        say: Callable[[str], None],
        *,
        host: str = LOOPBACK,
        port: int = 0,
        every_s: float = 300.0,
    ) -> None:
        """Open the port; nothing is taken before `serve`.

        Args:
            secret: see `handle_webhook`.
            ask: asks the tool what is finished; its errors are told and end nothing.
            say: tells of what happens.
            host: address to listen on.
            port: port; 0 lets the system choose.
            every_s: seconds after which the tool is asked without a call.

        Raises:
            LabellingError: there is no secret.
        """
        if not secret:
            raise LabellingError(
                "no secret for webhooks: put one into the environment variable that [labelling] secret_env names, and "
                "give the same to the labelling tool"
            )
        self._ask, self._say, self._every_s = ask, say, every_s
        self._news, self._ended = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer((host, port), _handler(secret, self._news, say))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def serve(self) -> None:
        """Take calls until `close`; the tool is asked once at the start, for calls that came while nobody listened."""
        self._news.set()
        asking = threading.Thread(target=self._ask_when_due, daemon=True)
        asking.start()
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            self._ended.set()
            self._news.set()
            self._server.server_close()
            asking.join(_PATIENCE_S)

    def close(self) -> None:
        """End `serve`, from another thread."""
        self._server.shutdown()

    def _ask_when_due(self) -> None:
        while not self._ended.is_set():
            self._news.wait(self._every_s)
            self._news.clear()
            if self._ended.is_set():
                return
            try:
                self._ask()
            except OddloopError as error:
                self._say(str(error))
            except Exception as error:  # whatever a server answers, the next call must be heard
                self._say(f"{type(error).__name__}: {error}")


def _handler(secret: str, news: threading.Event, say: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one call."""

        timeout = _PATIENCE_S

        def do_POST(self) -> None:
            """Take a webhook call."""
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
                self._answer(413 if length.isdecimal() else 411)
                return
            try:
                call = handle_webhook(dict(self.headers.items()), self.rfile.read(int(length)), secret)
            except RefusedCallError:
                self._answer(401)
            except LabellingError as error:
                say(str(error))
                self._answer(400)
            else:
                self._answer(202)
                if call.is_news:
                    say(f"{call.tool}: {call.event}")
                    news.set()

        def _answer(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the standard library
            """Keep quiet: what matters is told by `say`."""

    return Handler
