"""CVAT over HTTP: make the task of a batch, give it data and pre-labels, read its jobs' states and annotations.

Written after the models of cvat-sdk 2.80, and tested against a server that answers as they describe; a real CVAT server
was not at hand. A task is found again by its name, and each step is done only where it was not done yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch
from oddloop.exchange.labelling.cvat import (
    LabelIds,
    annotations_json,
    data_request,
    missing_labels,
    task_name,
    task_request,
)
from oddloop.exchange.labelling.cvat_json import Job, TaskAnswers
from oddloop.exchange.labelling.delivery import mapping_of, text_of
from oddloop.exchange.labelling.http import Api

_PAGE = 100
_WAIT_S = 2.0
_MOST_WAITS = 900


def connect(url: str, token: str) -> Api:
    """The interface of a server, signed in: a personal access token has a dot in it, an older API key has none."""
    return Api(url, f"Bearer {token}" if "." in token else f"Token {token}")


def send(
    api: Api, batch: Batch, digest: str, *, project: int | None, cloud_storage_id: int | None = None, url: str = ""
) -> tuple[int, dict[str, int]]:
    """Make the task of a batch, or finish making it; returns its id, and its jobs' ids by scene.

    Raises:
        LabellingError: the project lacks labels of ours, the server refuses, or it cannot read the images.
    """
    request = task_request(batch, digest, project_id=project, url=url)
    found = [t for t in _all(api, "/api/tasks", name=task_name(batch, digest)) if t.get("name") == request["name"]]
    if project and (missing := missing_labels(_all(api, "/api/labels", project_id=project), batch)):
        raise LabellingError(
            f"{api.url}: the labels of project {project} lack {', '.join(missing)}; add them there (task.json of "
            "`oddloop labels send --tool cvat` has them), or take classes out of [labelling]"
        )
    task = found[0] if found else mapping_of(api.post("/api/tasks", request))
    task_id = int(task["id"])
    if not task.get("size"):
        started = mapping_of(
            api.post(f"/api/tasks/{task_id}/data/", data_request(batch, cloud_storage_id=cloud_storage_id))
        )
        _wait(api, text_of(started.get("rq_id")))
    shown = mapping_of(api.get(f"/api/tasks/{task_id}/annotations/"))
    if batch.model_id and not shown.get("shapes") and not shown.get("tags"):
        ids = LabelIds.of(_all(api, "/api/labels", task_id=task_id))
        api.put(f"/api/tasks/{task_id}/annotations/", annotations_json(batch, ids))
    return task_id, _jobs_by_scene(api, task_id, batch)


def fetch(api: Api, task_id: int) -> TaskAnswers:
    """All that is known of a task: its labels, frames, jobs, and what was drawn in the jobs that are finished."""
    meta = mapping_of(api.get(f"/api/tasks/{task_id}/data/meta"))
    jobs = []
    for job in _all(api, "/api/jobs", task_id=task_id):
        is_done = job.get("state") == "completed" and job.get("stage") == "acceptance"
        drawn = mapping_of(api.get(f"/api/jobs/{int(job['id'])}/annotations/")) if is_done else {}
        jobs.append(Job(int(job["id"]), int(job["start_frame"]), int(job["stop_frame"]), is_done, drawn))
    frames = meta.get("frames")
    return TaskAnswers(
        _all(api, "/api/labels", task_id=task_id),
        frames if isinstance(frames, list) else [],
        [n for n in meta.get("deleted_frames") or [] if isinstance(n, int)],
        jobs,
    )


def _jobs_by_scene(api: Api, task_id: int, batch: Batch) -> dict[str, int]:
    """Jobs by scene: each begins where its scene does."""
    starts, number = {}, 0
    for scene in batch.scenes:
        starts[number] = scene.scene_id
        number += len(scene.frames)
    jobs = _all(api, "/api/jobs", task_id=task_id)
    return {starts[job["start_frame"]]: int(job["id"]) for job in jobs if job.get("start_frame") in starts}


def _wait(api: Api, request_id: str) -> None:
    """Wait until the server has read the images."""
    path = f"/api/requests/{quote(request_id, safe='')}"
    for _ in range(_MOST_WAITS if request_id else 0):
        request = mapping_of(api.get(path))
        status = text_of(request.get("status"))
        if status == "failed":
            raise LabellingError(f"{api.url}: CVAT could not make the task: {text_of(request.get('message'))[:300]}")
        if status == "finished":
            return
        api.sleep(_WAIT_S)
    if request_id:
        raise LabellingError(f"{api.url}: CVAT has not read the images yet; send again later, which goes on from there")


def _all(api: Api, path: str, **query: str | int) -> list[dict[str, Any]]:
    """All items of a paged list."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        answer: Mapping[str, Any] = mapping_of(api.get(path, page=page, page_size=_PAGE, **query))
        items = [item for item in answer.get("results") or [] if isinstance(item, dict)]
        found += items
        if not items or not answer.get("next"):
            return found
        page += 1
