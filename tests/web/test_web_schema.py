"""The API keeps to its own description, whatever is asked: schemathesis asks, of a server over a copy of the toy.

`ODDLOOP_SCHEMATHESIS` names its program; `ODDLOOP_SCHEMATHESIS_EXAMPLES` is how many it makes of each route.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI

from web.browsing import serving
from web.web_server import TOKENS, client

# Access has tests of its own (test_web_access.py), and one token is for all.
NOT_CHECKED = ("ignored_auth", "unsupported_method", "missing_required_header", "use_after_free",
               "ensure_resource_availability")  # fmt: skip
# What these take is more than a schema can say: rows of a table, and the query of a search.
BEYOND_SCHEMAS = ("/api/v1/score", "/api/v1/searches", "/api/v1/scene-sets")
SETTINGS = "\n".join(
    [
        "[checks]",
        *(f"{name}.enabled = false" for name in NOT_CHECKED),
        '[[operations]]\ninclude-path = "/api/v1/scenes/scene"\nparameters = { id = "log0/s0" }',
        *(
            f'[[operations]]\ninclude-path = "{path}"\nchecks.positive_data_acceptance.enabled = false'
            for path in BEYOND_SCHEMAS
        ),
    ]
)
LEAST = 600


@pytest.mark.system
@pytest.mark.slow
def test_whatever_is_asked_is_answered_as_described(folder: Path, tmp_path: Path) -> None:
    program = os.environ.get("ODDLOOP_SCHEMATHESIS", "")
    if not program:
        pytest.skip("ODDLOOP_SCHEMATHESIS names no schemathesis; `make test-all` installs one")
    n_examples = os.environ.get("ODDLOOP_SCHEMATHESIS_EXAMPLES", "30")
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    with (folder / "oddloop.toml").open("a") as config:
        config.write("[intake]\nper_hour = 1000000\n")
    with serving(folder) as (address, _app):
        command = [program, "--config-file", settings, "run", f"{address}/api/v1/openapi.json", "--no-color"]
        command += ["-H", f"Authorization: Bearer {TOKENS['reviewer']}"]
        command += ["--phases", "fuzzing", "--max-examples", n_examples, "--seed", "1", "--continue-on-failure"]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    asked = re.search(r"([\d,]+) generated", done.stdout)
    assert asked is not None
    print(f"\n{asked[0]} cases, {n_examples} at most of an operation")
    assert int(asked[1].replace(",", "")) >= LEAST, "so few that it says nothing"


SAID: tuple[tuple[dict[str, object], int], ...] = (
    ({"seen": False}, 422),
    ({"seen": "0"}, 422),
    ({"seen": 0.5}, 422),
    ({"decision": "reject", "reason": " \n"}, 422),
    ({"decision": "swap"}, 422),
    ({"seen": 0.0}, 200),  # in JSON that is a whole number
)


def test_json_is_taken_as_it_is_described(own: FastAPI) -> None:
    reviewer = client(own, "reviewer")
    scene = reviewer.get("/api/v1/rounds/r002/review").json()["picks"]["items"][0]["scene_id"]
    for said, status in SAID:
        body = {"scene_id": scene, "decision": "approve", **said}
        assert reviewer.post("/api/v1/rounds/r002/review/decisions", json=body).status_code == status, said
    for key, value in (("keep", "1"), ("keep", True), ("approve_rest", 1), ("seen", True)):
        body = {"seen": 1, "approve_rest": True, key: value}
        assert reviewer.post("/api/v1/rounds/r002/review/finish", json=body).status_code == 422, key
    assert reviewer.post("/api/v1/clusters/c0001", json={"priority": "1"}).status_code == 422
    assert reviewer.post("/api/v1/searches", json={"name": "a", "seen": False}).status_code == 422
    scored = {"scene_id": "a", "request_id": "a", "scores": {"b": True}}
    assert reviewer.post("/api/v1/keep", json=scored).status_code == 422


def test_the_description_says_which_decisions_need_a_reason(app: FastAPI) -> None:
    described = client(app, "viewer").get("/api/v1/openapi.json").json()["components"]["schemas"]
    asked = described["DecisionAsked"]
    assert asked["if"]["properties"]["decision"]["enum"] == ["reject", "swap"]
    assert asked["then"]["required"] == ["reason"]
    assert asked["properties"]["seen"]["maximum"] == 2**53
