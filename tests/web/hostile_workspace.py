"""A workspace in which every text that somebody could write is hostile, and the addresses of all its pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI

from oddloop.lake import Workspace
from oddloop.rounds.discovery import name_cluster
from oddloop.rounds.ledger import Author, open_ledger
from web.web_server import client, routes
from web.wild_scenes import STRANGE, XSS, clusters

IDS = (STRANGE, f"seen={XSS}", f"{XSS}' OR 1=1 --")
PARAMETERS = ("id", "text", "where", "like", "scenario", "rows", "score", "set", "against", XSS)


def make_hostile(folder: Path, seen: Path) -> None:
    """Scenes, values, logs, cluster names, notes, reasons, people, searches and models, all of them hostile."""
    shutil.copytree(seen, folder)
    config = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text(config.replace('name = "toy"', f"name = {json.dumps(XSS)}"))
    workspace = Workspace.open(folder)
    ledger = open_ledger(workspace)
    who = Author(XSS, 7)
    for cluster_id in clusters(workspace):
        name_cluster(workspace, ledger, cluster_id, who, name=f"{cluster_id} {XSS}", note=f"{XSS}'; DROP TABLE events")
    proposal = json.loads(json.dumps(dict(ledger.round("r002").proposal)))
    for pick in proposal["picks"]:
        pick |= {"log_id": XSS, "reasons": [{"code": XSS, "value": 1.0, "text": XSS}]}
    proposal["picks"][0]["scene_id"] = STRANGE
    proposal |= {"policy": XSS, "model_id": XSS, "cost_unit": XSS, "policy_source": XSS}
    ledger.append("r002", "proposed", proposal, key="hostile", author=who)
    said = {"scene_id": STRANGE, "decision": "reject", "reason": XSS}
    ledger.append("r002", "decided", said, key="hostile decision", author=who)
    ledger.close()


def keep_hostile(app: FastAPI) -> None:
    """A search and a set of scenes under hostile names."""
    reviewer = client(app, "reviewer")
    for what, of in (("searches", {}), ("scene-sets", {"scene_ids": [STRANGE]})):
        sent = {"name": XSS, "note": XSS, **({"query": urlencode({"text": XSS})} if what == "searches" else of)}
        answer = reviewer.post(f"/api/v1/{what}", json=sent)
        assert answer.status_code == 200, answer.text


def pages(app: FastAPI) -> list[str]:
    """Every page."""
    apart = ("/api/", "/static/", "/healthz")
    return [path for method, path in routes(app) if method == "GET" and not path.startswith(apart)]


def addresses(app: FastAPI) -> Iterator[str]:
    """Every page, as it is and asked for something hostile in each of its parameters."""
    for path in pages(app):
        yield path
        for name in PARAMETERS:
            yield from (f"{path}?{urlencode({name: hostile})}" for hostile in IDS)
