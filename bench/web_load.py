"""A server of its own in a process of its own, and people who ask it: how long each answer takes, and what it costs."""

from __future__ import annotations

import http.client
import itertools
import math
import os
import random
import re
import subprocess
import sys
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


Addresses = Callable[[int], str]
"""Address of a page by turn: another one each time, or always the same."""


@dataclass(frozen=True)
class Served:
    """A running server, and the login of who came in by its printed address."""

    pid: int
    host: str
    port: int
    cookie: str

    @property
    def cpu_s(self) -> float:
        """Seconds of all cores that it has taken so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    @property
    def peak_mb(self) -> float:
        """Most memory that it has held at once, in MB."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024 / 1e6


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """`oddloop serve` over a workspace, until the end of the block."""
    command = [sys.executable, "-m", "oddloop", "serve", "-w", str(folder), "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        printed = urllib.parse.urlsplit(process.stdout.readline().strip())
        host, port = str(printed.hostname), int(printed.port or 0)
        connection = http.client.HTTPConnection(host, port)
        connection.request("GET", f"/?{printed.query}")
        cookie = str(connection.getresponse().getheader("set-cookie")).partition(";")[0]
        try:
            yield Served(process.pid, host, port, cookie)
        finally:
            process.terminate()


class Visitor:
    """Somebody with a connection of their own."""

    def __init__(self, server: Served) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
        self._headers = {"cookie": server.cookie, "accept": "text/html"}

    def ask(self, address: str) -> tuple[float, int]:
        """Seconds until the whole answer is there, and its bytes.

        Raises:
            RuntimeError: it is no answer.
        """
        begun = time.perf_counter()
        self._connection.request("GET", address, headers=self._headers)
        answer = self._connection.getresponse()
        n_bytes = len(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{address}: {answer.status}")
        return time.perf_counter() - begun, n_bytes


@dataclass
class Times:
    """Seconds of each answer by page, and how long it all took."""

    by_page: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def n(self) -> int:
        """Answers."""
        return sum(map(len, self.by_page.values()))

    def percentile_ms(self, page: str, percent: int) -> float:
        """That percentile of a page's times."""
        found = self.by_page[page]
        if len(found) < 2:
            return 1000 * found[0] if found else math.nan
        return 1000 * quantiles(found, n=100, method="inclusive")[percent - 1]


def visit(
    server: Served,
    pages: Mapping[str, Addresses],
    n_visitors: int,
    seconds: float,
    pause_s: tuple[float, float] = (0.0, 0.0),
) -> Times:
    """So many visitors who ask for one page after the other, after a pause of at least and at most so long."""
    names = list(pages)
    found = Times()
    begun, cpu = time.monotonic(), server.cpu_s

    def go(number: int) -> None:
        visitor, rng = Visitor(server), random.Random(number)
        time.sleep(rng.uniform(0, pause_s[1]))  # they do not all come at once
        for visited in itertools.count():
            if time.monotonic() >= begun + seconds:
                return
            page = names[(number + visited) % len(names)]
            took, _ = visitor.ask(pages[page](number + n_visitors * visited))
            found.by_page[page].append(took)
            time.sleep(rng.uniform(*pause_s))

    with ThreadPoolExecutor(n_visitors) as pool:
        list(pool.map(go, range(n_visitors)))
    found.wall_s, found.cpu_s = time.monotonic() - begun, server.cpu_s - cpu
    return found
