"""Label Studio over HTTP: find or make the project, import the tasks that are missing, export what was answered.

Written for and tested against Label Studio 1.23. A token is a personal one (a JWT, which is exchanged for a short-lived
one) or a legacy one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Key
from oddloop.exchange.labelling.delivery import mapping_of, text_of
from oddloop.exchange.labelling.http import Api
from oddloop.exchange.labelling.label_studio import label_config, make_tasks, missing_classes

_PAGE = 100
_IMPORTED_AT_ONCE = 200


def connect(url: str, token: str) -> Api:
    """The interface of a server, signed in.

    Raises:
        LabellingError: the server cannot be reached, or refuses the token.
    """
    if token.count(".") != 2:
        return Api(url, f"Token {token}")
    fresh = mapping_of(Api(url).post("/api/token/refresh", {"refresh": token})).get("access")
    if not isinstance(fresh, str):
        raise LabellingError(f"{url}: it gave no access token for the personal token; make a new one in the tool")
    return Api(url, f"Bearer {fresh}")


def ready_project(api: Api, batch: Batch, project: int | None) -> int:
    """The project to send to: the one that is named, else the one called `oddloop <workspace>`, made where missing.

    Raises:
        LabellingError: its label configuration lacks classes of ours; they are named.
    """
    config = label_config(batch)
    title = f"oddloop {batch.name}"[:50]
    found = _project(api, project) if project else _titled(api, title)
    if found is None:
        body = {"title": title, "label_config": config, "sampling": "Uncertainty sampling"}
        return int(mapping_of(api.post("/api/projects", body))["id"])
    if missing := missing_classes(text_of(found.get("label_config")), batch):
        raise LabellingError(
            f"{api.url}: the labelling interface of project {found['id']} lacks the classes {', '.join(missing)}; add "
            "them there, or take them out of classes in [labelling]"
        )
    return int(found["id"])


def import_missing(api: Api, project: int, batch: Batch) -> dict[Key, int]:
    """Import the batch's tasks that the project does not have yet; task ids by unit."""
    known = find_tasks(api, project, batch.round_id)
    wanted = [task for task in make_tasks(batch) if _key(task["data"]) not in known]
    for start in range(0, len(wanted), _IMPORTED_AT_ONCE):
        api.post(f"/api/projects/{project}/import", wanted[start : start + _IMPORTED_AT_ONCE])
    found = find_tasks(api, project, batch.round_id) if wanted else known
    if batch.model_id:
        api.call("PATCH", f"/api/projects/{project}", {}, {"model_version": batch.model_id})
    lost = [unit for unit in batch.units() if unit.key not in found]
    if lost:
        raise LabellingError(
            f"{api.url}: {len(lost)} tasks are not in project {project} after the import; send again, which adds "
            "only those"
        )
    return found


def find_tasks(api: Api, project: int, round_id: str) -> dict[Key, int]:
    """Task id by unit, of the tasks of a round that are in a project."""
    tasks = (task for task in _tasks(api, project) if mapping_of(task.get("data")).get("round_id") == round_id)
    return {_key(task["data"]): int(task["id"]) for task in tasks}


def export(api: Api, project: int) -> list[Any]:
    """All tasks of a project with their annotations, as Label Studio exports them."""
    tasks = api.get(f"/api/projects/{project}/export", exportType="JSON", download_all_tasks="true")
    if not isinstance(tasks, list):
        raise LabellingError(f"{api.url}: the export of project {project} is no list of tasks")
    return tasks


def _project(api: Api, project: int) -> dict[str, Any]:
    found = api.get(f"/api/projects/{project}")
    if not isinstance(found, dict) or "id" not in found:
        raise LabellingError(f"{api.url}: no project {project}")
    return found


def _titled(api: Api, title: str) -> dict[str, Any] | None:
    """The oldest project of that very title, if there is any."""
    pages = _pages(api, "/api/projects", "results", title=title)
    found = sorted((p for p in pages if p.get("title") == title), key=lambda p: int(p["id"]))
    return found[0] if found else None


def _tasks(api: Api, project: int) -> Iterator[dict[str, Any]]:
    return _pages(api, "/api/tasks", "tasks", project=project)


def _pages(api: Api, path: str, part: str, **query: str | int) -> Iterator[dict[str, Any]]:
    """All items of a paged list."""
    page, n_seen = 1, 0
    while True:
        answer = mapping_of(api.get(path, page=page, page_size=_PAGE, **query))
        items: Sequence[Any] = answer.get(part) or []
        total = answer.get("total", answer.get("count", 0))
        yield from (item for item in items if isinstance(item, dict))
        n_seen += len(items)
        if not items or not isinstance(total, int) or n_seen >= total:
            return
        page += 1


def _key(data: Any) -> Key:
    values: Iterable[str] = (text_of(mapping_of(data).get(name)) for name in ("round_id", "scene_id", "frame_id"))
    round_id, scene_id, frame_id = values
    return round_id, scene_id, frame_id
