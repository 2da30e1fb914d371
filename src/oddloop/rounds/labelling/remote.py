"""Send a round to a labelling tool's server, and ask the server what is finished.

The token comes from the environment and is kept nowhere. What a server already has of a round is found by our ids, so
that a run killed between the server and the ledger makes nothing twice.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling import cvat, cvat_api, label_studio, label_studio_api
from oddloop.exchange.labelling.batch import Batch
from oddloop.exchange.labelling.cvat_json import read_task
from oddloop.exchange.labelling.delivery import Delivery, Sent
from oddloop.exchange.labelling.http import Api
from oddloop.exchange.labelling.label_studio_export import read_tasks
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling.receive import Taken, receive
from oddloop.rounds.labelling.send import Sending, batch_to_send, record_sent
from oddloop.rounds.labelling.sent import write_units
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.state import RoundState

SERVERS = (label_studio.TOOL, cvat.TOOL)
"""Tools with a server."""


def send_to(
    workspace: Workspace,
    tool: str,
    url: str,
    author: Author,
    *,
    project: int | None = None,
    round_id: str = "",
    environ: Mapping[str, str] = os.environ,
) -> Sending:
    """Send a round to a server, and record it; the same picks again add nothing there or here.

    Args:
        workspace: the workspace.
        tool: `label-studio` or `cvat`.
        url: the server.
        author: who sends.
        project: the tool's project; None: Label Studio's `oddloop <workspace>`, made where missing; CVAT's task stands
            alone.
        round_id: the round; "" is the open one.
        environ: holds the token, under the name in [labelling] token_env.

    Raises:
        LabellingError: the server refuses or lacks classes; nothing was recorded.
    """
    with locked(workspace.storage), contextlib.closing(open_ledger(workspace)) as ledger:
        batch = batch_to_send(workspace, ledger, round_id)
        digest = write_units(workspace, batch)
        api = sign_in(workspace, tool, url, environ)
        where, jobs = _SEND[tool](api, batch, digest, workspace, project)
        return record_sent(ledger, batch, author, tool=tool, digest=digest, place=url, project=str(where), jobs=jobs)


def pull(
    workspace: Workspace,
    author: Author,
    *,
    tool: str = "",
    url: str = "",
    replace_known: bool = False,
    times_s: Mapping[str, float] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> list[Taken]:
    """Ask the servers that rounds were sent to what is finished, and take it; nothing new changes nothing.

    Args:
        workspace: the workspace.
        author: who asks.
        tool, url: only this tool, or this server; "" asks all of them.
        replace_known: take corrections of scenes that have labels already; then closed rounds are asked about too.
        times_s: what scenes took, in s, where the tool itself does not say it.
        environ: holds the token.

    Returns:
        what was taken, per server and project, oldest round first.

    Raises:
        LabellingError: no round was sent to such a server, or it cannot be reached; nothing was written of it.
    """
    with contextlib.closing(open_ledger(workspace)) as ledger:
        rounds = ledger.rounds()
    sent = [s for s in rounds if _is_at(s, tool, url) and (replace_known or s.is_open)]
    if not sent:
        where = f"{tool or 'a labelling tool'} at {url}" if url else f"a server of {tool or 'a labelling tool'}"
        raise LabellingError(f"no open round was sent to {where}; `oddloop labels send` with its URL does it")
    places = dict.fromkeys((str(s.sending["tool"]), str(s.sending["url"]), str(s.sending["project"])) for s in sent)
    found = []
    for tool_at, url_at, project in places:
        read = _FETCH[tool_at](sign_in(workspace, tool_at, url_at, environ), int(project))
        found.append(_take(workspace, author, read, replace_known, times_s or {}))
    return found


def sign_in(workspace: Workspace, tool: str, url: str, environ: Mapping[str, str]) -> Api:
    """The tool's interface, with the token from the environment.

    Raises:
        LabellingError: there is no such server tool, or no token.
    """
    if tool not in SERVERS:
        raise LabellingError(f"{tool!r} has no server; those that have one: {', '.join(SERVERS)}")
    name = workspace.config.labelling.token_env
    if not environ.get(name):
        raise LabellingError(f"the environment variable {name} is empty; put the access token of {tool} into it")
    connect = label_studio_api.connect if tool == label_studio.TOOL else cvat_api.connect
    return connect(url, environ[name].strip())


def _is_at(state: RoundState, tool: str, url: str) -> bool:
    sending = state.sending
    is_server = bool(sending) and sending["tool"] in SERVERS and bool(sending["project"])
    return is_server and tool in ("", sending["tool"]) and url.rstrip("/") in ("", str(sending["url"]).rstrip("/"))


def _take(
    workspace: Workspace,
    author: Author,
    read: Callable[[Sent], Delivery],
    replace_known: bool,
    times_s: Mapping[str, float],
) -> Taken:
    return receive(workspace, author, lambda sent, _ledger: read(sent), replace_known=replace_known, times_s=times_s)


def _send_label_studio(
    api: Api, batch: Batch, _digest: str, _workspace: Workspace, project: int | None
) -> tuple[int, dict[str, Any]]:
    where = label_studio_api.ready_project(api, batch, project)
    tasks = label_studio_api.import_missing(api, where, batch)
    jobs: dict[str, list[int]] = {}
    for unit in batch.units():
        jobs.setdefault(unit.scene_id, []).append(tasks[unit.key])
    return where, jobs


def _send_cvat(
    api: Api, batch: Batch, digest: str, workspace: Workspace, project: int | None
) -> tuple[int, dict[str, Any]]:
    storage = workspace.config.labelling.cloud_storage_id
    where, jobs = cvat_api.send(api, batch, digest, project=project, cloud_storage_id=storage)
    return where, dict(jobs)


def _fetch_label_studio(api: Api, project: int) -> Callable[[Sent], Delivery]:
    tasks = label_studio_api.export(api, project)
    return lambda sent: read_tasks(tasks, sent, f"{api.url}, project {project}")


def _fetch_cvat(api: Api, task: int) -> Callable[[Sent], Delivery]:
    found = cvat_api.fetch(api, task)
    return lambda sent: read_task(found, sent, f"{api.url}, task {task}")


_SEND: Mapping[str, Callable[[Api, Batch, str, Workspace, int | None], tuple[int, dict[str, Any]]]] = {
    label_studio.TOOL: _send_label_studio,
    cvat.TOOL: _send_cvat,
}
_FETCH: Mapping[str, Callable[[Api, int], Callable[[Sent], Delivery]]] = {
    label_studio.TOOL: _fetch_label_studio,
    cvat.TOOL: _fetch_cvat,
}
