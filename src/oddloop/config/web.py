"""Settings of `oddloop serve`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Positive

Role = Literal["collector", "viewer", "reviewer", "admin"]
TokenLine = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*:(collector|viewer|reviewer|admin):sha256:[0-9a-f]{64}$")
]
HeaderName = Annotated[str, Field(pattern=r"^([A-Za-z0-9-]+)?$")]


@dataclass(frozen=True)
class WebConfig:
    """Who may use the pages of `oddloop serve` from other machines, and by which names the server is reached."""

    __pydantic_config__ = STRICT
    tokens: Annotated[
        tuple[TokenLine, ...],
        Field(description="who may come in, a line each as `oddloop serve --new-token NAME --role ROLE` prints it"),
    ] = ()
    hosts: Annotated[
        tuple[str, ...],
        Field(description="names by which browsers reach the server, besides this machine's own and any IP address"),
    ] = ()
    proxy_header: Annotated[
        HeaderName, Field(description="header in which a proxy that has asked for a login says who it is")
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Field(description="addresses or networks of proxies before the server; from others such headers are ignored"),
    ] = ()
    proxy_roles: Annotated[
        dict[str, Role], Field(description="role by name of who comes through the proxy; all others are viewers")
    ] = field(default_factory=dict)
    session_hours: Annotated[Positive, Field(description="a login lasts so long")] = 12.0

    def __post_init__(self) -> None:
        if self.proxy_header and not self.trusted_proxies:
            raise ValueError("`proxy_header` counts from `trusted_proxies` alone; name them, or drop it")
        for proxy in self.trusted_proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"`trusted_proxies`: {proxy!r} is no address or network: {error}") from error
        names = Counter(line.partition(":")[0] for line in self.tokens)
        if twice := sorted(name for name, n in names.items() if n > 1):
            raise ValueError(f"`tokens`: {', '.join(twice)} twice; a name may have one token")
