"""By which names the server may be asked.

A page of another site can make its own name point to this server (DNS rebinding) and then ask as if it were ours; but
it cannot do so under an IP address or a name of ours.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address


def own_names(hosts: Iterable[str]) -> frozenset[str]:
    """Names of this machine, and those that are set, in lower case."""
    return frozenset(name.lower() for name in ("localhost", socket.gethostname(), *hosts) if name)


def is_known_host(header: str, names: frozenset[str]) -> bool:
    """Whether a `Host` header names us, with any port.

    >>> [is_known_host(h, own_names(["odd.example"])) for h in ("odd.example", "[::1]:80", "evil.example", "")]
    [True, True, False, False]
    """
    host = header.lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return host in names or is_address(host)


def is_address(host: str) -> bool:
    """Whether it is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that the server listens at.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
