"""A server on loopback that answers as the models of cvat-sdk 2.80 describe CVAT: what oddloop asks of it, no more.

It is no CVAT. `tests/oracles/test_cvat_oracles.py` has cvat-sdk itself read its answers.
"""

from __future__ import annotations

import json
import posixpath
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "pat.secret"
WHEN = "2026-01-01T00:00:00Z"
SIZE = (640, 480)


@dataclass
class Cvat:
    """What the server holds.

    Attributes:
        tasks: tasks by id, as TaskRead.
        frames: frames by task, as FrameMeta.
        jobs: jobs by id, as JobRead.
        labels: labels by id, as Label.
        drawn: annotations by task, as LabeledData.
        deleted: removed frames by task.
        asked: method and path of each call.
        fails: how the next task creation fails; "" does not.
        busy: calls that are answered with 503 first.
    """

    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    frames: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    drawn: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[int, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: str = ""
    busy: int = 0
    url: str = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and content of the answer to a call."""
        for pattern, does in _ROUTES:
            if method == pattern[0] and (found := re.fullmatch(pattern[1], path)):
                return does(self, [int(g) if g.isdecimal() else g for g in found.groups()], query, body)
        return 404, {"detail": "Not found."}

    def finish(self, job_id: int, *, stage: str = "acceptance") -> None:
        """Say that a job is completed."""
        self.jobs[job_id] |= {"state": "completed", "stage": stage}

    def make_label(self, label: dict[str, Any], **owner: int) -> None:
        """Add a label, with ids for its attributes."""
        number = 100 + len(self.labels)
        specs = [{**a, "id": 1000 * number + i} for i, a in enumerate(label.get("attributes", ()))]
        self.labels[number] = {"id": number, "name": label["name"], "color": "#ffffff", "type": label["type"],
                               "attributes": specs, "sublabels": [], "has_parent": False, **owner}  # fmt: skip


def _page(items: list[Any], query: dict[str, str]) -> tuple[int, Any]:
    size, page = int(query.get("page_size", 10)), int(query.get("page", 1))
    shown = items[(page - 1) * size : page * size]
    following = f"?page={page + 1}" if page * size < len(items) else None
    return 200, {"count": len(items), "next": following, "previous": None, "results": shown}


def _make_task(cvat: Cvat, _ids: list[Any], _query: dict[str, str], body: Any) -> tuple[int, Any]:
    number = 1 + len(cvat.tasks)
    cvat.tasks[number] = {"id": number, "url": f"{cvat.url}/api/tasks/{number}", "name": body["name"], "size": 0,
                          "project_id": body.get("project_id"), "mode": "", "owner": None, "assignee": None,
                          "bug_tracker": body.get("bug_tracker", ""), "created_date": WHEN, "updated_date": WHEN,
                          "subset": body.get("subset", ""), "dimension": "2d", "jobs": {"completed": 0, "count": 0,
                          "validation": 0, "url": ""}, "labels": {"url": ""}}  # fmt: skip
    for label in body.get("labels", ()):
        cvat.make_label(label, task_id=number)
    cvat.drawn[number] = {"version": 0, "tags": [], "shapes": [], "tracks": []}
    return 201, cvat.tasks[number]


def _give_data(cvat: Cvat, ids: list[Any], _query: dict[str, str], body: Any) -> tuple[int, Any]:
    files = [name for job in body["job_file_mapping"] for name in job]
    given = [f for f in body.get("server_files", body.get("remote_files")) if not f.endswith(".jsonl")]
    if files != given or cvat.tasks[ids[0]]["size"]:
        return 400, {"detail": "the files and the mapping differ, or the task has data"}
    if not cvat.fails:
        start = 0
        for job in body["job_file_mapping"]:
            _make_job(cvat, ids[0], start, start + len(job) - 1)
            start += len(job)
        cvat.frames[ids[0]] = [{"name": posixpath.normpath(urlsplit(f).path).lstrip("/"), "width": SIZE[0],
                                "height": SIZE[1], "related_files": 0} for f in files]  # fmt: skip
        cvat.tasks[ids[0]]["size"] = len(files)
    return 202, {"rq_id": f"action=create&target=task&id={ids[0]}"}


def _make_job(cvat: Cvat, task: int, start: int, stop: int) -> None:
    number = 500 + len(cvat.jobs)
    cvat.jobs[number] = {"id": number, "url": f"{cvat.url}/api/jobs/{number}", "task_id": task, "state": "new",
                         "stage": "annotation", "status": "annotation", "start_frame": start, "stop_frame": stop,
                         "frame_count": stop - start + 1, "created_date": WHEN, "updated_date": WHEN,
                         "issues": {"count": 0, "url": ""}, "labels": {"url": ""}, "type": "annotation"}  # fmt: skip


def _request(cvat: Cvat, ids: list[Any], _query: dict[str, str], _body: Any) -> tuple[int, Any]:
    status = "failed" if cvat.fails else "finished"
    operation = {"target": "task", "type": "create"}
    return 200, {"id": unquote(ids[0]), "status": status, "message": cvat.fails, "operation": operation,
                 "created_date": WHEN}  # fmt: skip


def _job_drawn(cvat: Cvat, ids: list[Any], _query: dict[str, str], _body: Any) -> tuple[int, Any]:
    job = cvat.jobs[ids[0]]
    drawn = cvat.drawn[job["task_id"]]
    inside = range(job["start_frame"], job["stop_frame"] + 1)
    return 200, {**drawn, **{n: [a for a in drawn[n] if a["frame"] in inside] for n in ("tags", "shapes", "tracks")}}


def _put_drawn(cvat: Cvat, ids: list[Any], _query: dict[str, str], body: Any) -> tuple[int, Any]:
    numbered = {n: [{**a, "id": i} for i, a in enumerate(body[n], 1)] for n in ("tags", "shapes", "tracks")}
    cvat.drawn[ids[0]] = {"version": 0, **numbered}
    return 200, cvat.drawn[ids[0]]


def _labels(cvat: Cvat, _ids: list[Any], query: dict[str, str], _body: Any) -> tuple[int, Any]:
    name = "task_id" if "task_id" in query else "project_id"
    owner = int(query[name])
    if name == "task_id" and (project := cvat.tasks[owner]["project_id"]):
        name, owner = "project_id", project
    return _page([label for label in cvat.labels.values() if label.get(name) == owner], query)


Route = tuple[tuple[str, str], Callable[[Cvat, list[Any], dict[str, str], Any], tuple[int, Any]]]
_ROUTES: list[Route] = [
    (("POST", "/api/tasks"), _make_task),
    (("GET", "/api/tasks"), lambda c, _i, q, _b: _page([t for t in c.tasks.values() if t["name"] == q["name"]], q)),
    (("GET", r"/api/tasks/(\d+)"), lambda c, i, _q, _b: (200, c.tasks[i[0]])),
    (("POST", r"/api/tasks/(\d+)/data/"), _give_data),
    (("GET", "/api/requests/([^/]+)"), _request),
    (("GET", "/api/labels"), _labels),
    (("GET", r"/api/tasks/(\d+)/annotations/"), lambda c, i, _q, _b: (200, c.drawn[i[0]])),
    (("PUT", r"/api/tasks/(\d+)/annotations/"), _put_drawn),
    (
        ("GET", "/api/jobs"),
        lambda c, _i, q, _b: _page([j for j in c.jobs.values() if str(j["task_id"]) == q["task_id"]], q),
    ),
    (("GET", r"/api/jobs/(\d+)/annotations/"), _job_drawn),
    (
        ("GET", r"/api/tasks/(\d+)/data/meta"),
        lambda c, i, _q, _b: (
            200,
            {
                "frames": c.frames[i[0]],
                "deleted_frames": c.deleted.get(i[0], []),
                "size": len(c.frames[i[0]]),
                "start_frame": 0,
                "stop_frame": len(c.frames[i[0]]) - 1,
                "chunk_size": 36,
                "image_quality": 70,
                "chunks_updated_date": WHEN,
                "included_frames": None,
            },
        ),
    ),
]


@contextmanager
def serving(cvat: Cvat) -> Iterator[Cvat]:
    """Serve it on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            cvat.asked.append((self.command, parts.path))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                code, content = 401, {"detail": "Invalid token."}
            elif cvat.busy:
                cvat.busy -= 1
                code, content = 503, {"detail": "busy"}
            else:
                code, content = cvat.answer(self.command, parts.path, query, body)
            told = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = _do  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    cvat.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield cvat
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
