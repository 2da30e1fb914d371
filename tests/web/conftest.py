from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from toy import CONFIG, label_all_picks, make_workspace, run_at
from web.web_server import make_app
from web.wild_scenes import make_seen, make_wild

WITH_TARGET = CONFIG.replace(
    '[metrics.accuracy]\nbetter = "higher"', '[metrics.accuracy]\nbetter = "higher"\ntarget = 0.9'
)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a closed and a proposed round; nobody may change it."""
    folder = tmp_path_factory.mktemp("web") / "ws"
    make_workspace(folder, config=WITH_TARGET, train="--features toy_encoder")
    run_at(folder)
    label_all_picks(folder, "r001")
    run_at(folder)
    return folder


@pytest.fixture(scope="session")
def app(toy: Path) -> Iterator[FastAPI]:
    made = make_app(toy, user="owner")
    yield made
    made.state.site.store.close()


@pytest.fixture(scope="session")
def wild(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> Path:
    """The toy with hostile and missing values; nobody may change it."""
    folder = tmp_path_factory.mktemp("scenes") / "ws"
    make_wild(folder, toy)
    return folder


@pytest.fixture(scope="session")
def seen(wild: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wild scenes with images and tracks, one of them under a hostile id; nobody may change it."""
    folder = tmp_path_factory.mktemp("seen") / "ws"
    make_seen(folder, wild)
    return folder


@pytest.fixture
def folder(toy: Path, tmp_path: Path) -> Path:
    """A copy of the toy that a test may change: the picks of r002 are to be reviewed."""
    return Path(shutil.copytree(toy, tmp_path / "ws"))


@pytest.fixture
def own(folder: Path) -> FastAPI:
    """The server over that copy."""
    return make_app(folder)
