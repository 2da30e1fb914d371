"""Look at the workspace in a browser: gaps, rounds and what waits for a person."""

from __future__ import annotations

import gc
import sys
import webbrowser
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import user_name
from oddloop.cli.terminal import err, out, print_json
from oddloop.config import Role
from oddloop.errors import OddloopError
from oddloop.lake.workspace import Workspace

if TYPE_CHECKING:
    from oddloop.web import ServeSettings


SWITCH_S = 0.0005
"""A thread that waits for the interpreter gets it so soon; one that writes a record gives it away at each step."""


def run(
    workspace: WorkspaceOption = ".",
    host: Annotated[str, typer.Option(help="Address to listen at; by default only this machine can reach it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: any that is free.")] = 8765,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    new_token: Annotated[
        str, typer.Option(metavar="NAME", help="Make a token for somebody, print it once, and serve nothing.")
    ] = "",
    role: Annotated[str, typer.Option(help="Role of --new-token: collector, viewer, reviewer or admin.")] = "viewer",
    as_json: JsonOption = False,
) -> None:
    if new_token:
        _print_token(new_token, role, as_json)
    else:
        _serve(Workspace.open(workspace), host, port, no_open=no_open, as_json=as_json)


def _print_token(name: str, role: str, as_json: bool) -> None:
    from oddloop.web.access.tokens import make_token, token_line

    token = make_token()
    line = token_line(checked_name(name), checked_role(role), token)
    if as_json:
        print_json({"token": token, "line": line})
        return
    out.print(token)
    err.print(f"Give {name} this token; it is shown only now. Add its hash to oddloop.toml and start the server again:")
    err.print(f'[web]\ntokens = ["{line}"]')


def _serve(workspace: Workspace, host: str, port: int, *, no_open: bool, as_json: bool) -> None:
    from oddloop.web import ServeSettings, refuse_open_door
    from oddloop.web.access.hosts import is_loopback

    user = user_name() if is_loopback(host) else ""
    settings = ServeSettings(host, port, user, workspace.config.web)
    refuse_open_door(settings)
    with listen(host, port) as socket:
        _run(workspace, replace(settings, port=socket.getsockname()[1]), socket, no_open=no_open, as_json=as_json)


def _run(workspace: Workspace, settings: ServeSettings, socket: Any, *, no_open: bool, as_json: bool) -> None:
    import uvicorn

    from oddloop.web import create_app

    at = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}/"

    def announce(token: str) -> None:
        err.print(f"For one more browser: {at}?token={token}")

    app = create_app(workspace, replace(settings, announce=announce, settled=_settle))
    address = f"{at}?token={app.state.site.one_time.token}" if settings.user else at
    if as_json:
        print_json({"url": address})
    else:
        out.print(address)
    how = "The address lets one browser in." if settings.user else "Log in with your token."
    err.print(f"Serving until Ctrl-C. {how}")
    if not no_open:
        webbrowser.open(address)
    sys.setswitchinterval(SWITCH_S)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, proxy_headers=False)
    try:
        uvicorn.Server(config).run(sockets=[socket])
    finally:
        gc.unfreeze()


def _settle() -> None:
    """Have what lives as long as the server not looked at again by the collector of garbage: that took up to 40 ms."""
    gc.collect()
    gc.freeze()


def listen(host: str, port: int) -> Any:
    """A socket that listens there.

    Raises:
        OddloopError: the address is not this machine's, or taken.
    """
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio does not see that it is TCP, and small answers wait 40 ms for the reader's acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)  # whoever reads the address may come at once, and waits until the server is up
    except OSError as error:
        made.close()
        raise OddloopError(
            f"--host {host} --port {port}: {error.strerror}; choose another --port, or 0 for any"
        ) from error
    return made


def checked_name(name: str) -> str:
    """A name that may stand in a line of `[web] tokens`."""
    if not name.replace("_", "").replace(".", "").replace("-", "").isalnum() or not name.isascii():
        raise typer.BadParameter(f"{name!r}: letters, digits, `_`, `.` and `-` only", param_hint="--new-token")
    return name


def checked_role(role: str) -> Role:
    """A role that there is."""
    from oddloop.web.access.people import ROLES

    found = next((known for known in ROLES if known == role), None)
    if found is None:
        raise typer.BadParameter(f"{role!r} is none of {', '.join(ROLES)}", param_hint="--role")
    return found
