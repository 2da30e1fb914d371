"""Asks a server "is this scene kept?" at a steady rate, over open connections, until each question is answered.

A question has its time; how long it took is from then, not from when a connection was free: a server that stalls
shows. Whoever gets no answer, since the server died, asks the same again.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

WEATHER = ("clear", "rain", "fog", "snow")
_PAUSE_S = 0.1


@dataclass
class Asked:
    """Questions and what became of them.

    Attributes:
        answers: by (scene_id, request_id).
        took_ms: of questions that were answered when they were first sent.
        n_again: questions that were sent more than once.
        n_refused: answers that said "ask again later".
    """

    answers: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    n_again: int = 0
    n_refused: int = 0


@dataclass(frozen=True)
class Server:
    """Where it listens, and the token of who asks."""

    port: int
    token: str


async def ask_steadily(
    server: Server, per_s: float, seconds: float, name: str, into: Asked, n_clients: int = 16
) -> None:
    """Send `per_s` questions a second for some seconds; every tenth is asked twice. Returns once all are answered."""
    waiting: asyncio.Queue[tuple[float, dict[str, object]]] = asyncio.Queue()
    clients = [asyncio.create_task(_client(server, waiting, into)) for _ in range(n_clients)]
    rng, begun = random.Random(name), time.perf_counter()
    for number in range(int(per_s * seconds)):
        at = begun + number / per_s
        if (left := at - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        question = _question(f"{name}/{number}", rng)
        waiting.put_nowait((at, question))
        if number % 10 == 0:
            waiting.put_nowait((at, question))
    await waiting.join()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


def _question(scene_id: str, rng: random.Random) -> dict[str, object]:
    scores = {"classification_entropy_mean": rng.random()}
    attributes = {"weather": rng.choice(WEATHER), "rain_mm_h": rng.choice([0.0, 1.0, 5.0])}
    return {"scene_id": scene_id, "request_id": "1", "scores": scores, "attributes": attributes}


async def _client(server: Server, waiting: asyncio.Queue[tuple[float, dict[str, object]]], into: Asked) -> None:
    line = _Line(server)
    while True:
        at, question = await waiting.get()
        n_tries = 0
        while True:
            n_tries += 1
            status, answer = await line.post(question)
            if status == 200:
                break
            into.n_refused += status == 503
            await asyncio.sleep(_PAUSE_S)
        if n_tries == 1:
            into.took_ms.append(1000 * (time.perf_counter() - at))
        into.n_again += n_tries > 1
        key = (str(question["scene_id"]), str(question["request_id"]))
        if into.answers.setdefault(key, answer) != answer:
            raise AssertionError(f"two answers to {key}: {into.answers[key]} and {answer}")
        waiting.task_done()


class _Line:
    """One connection; opened anew where it breaks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, question: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Status and answer; status 0 where there is nobody, or they die before they answer."""
        try:
            return await self._post(json.dumps(question).encode())
        except (OSError, asyncio.IncompleteReadError):
            if self._ends is not None:
                self._ends[1].close()
            self._ends = None
            return 0, {}

    async def _post(self, body: bytes) -> tuple[int, dict[str, object]]:
        if self._ends is None:
            self._ends = await asyncio.open_connection("127.0.0.1", self._server.port)
        reader, writer = self._ends
        head = (
            f"POST /api/v1/keep HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._server.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answered = (await reader.readuntil(b"\r\n\r\n")).decode()
        status = int(answered.split(" ", 2)[1])
        length = next(
            int(row.split(":")[1]) for row in answered.lower().split("\r\n") if row.startswith("content-length")
        )
        answer = json.loads(await reader.readexactly(length))
        if status not in (200, 503):
            raise AssertionError(f"{status}: {answer}")
        return status, answer
