"""Input and output in an object store, by threads and by Ray; a store that fails in mid-write leaves no torn table."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from engine.fleets import N_PARTS, bytes_of, failure, finish, make_fleet, start_run
from engine.object_store import BUCKET, ObjectStore
from oddloop.lake.parts import PartStore
from oddloop.lake.storage import Storage
from oracles.peers import load

pytestmark = pytest.mark.system

N_TASKS = 2 * N_PARTS
FOR_EVER = 10**9


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    load("moto", "moto is not installed; `make test-all` installs it into .venv-ray ({error})")
    with ObjectStore(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def on_disk(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet after a run on a local disk."""
    folder = make_fleet(tmp_path_factory.mktemp("disk") / "fleet")
    finish(start_run(folder))
    return folder


class RemoteFleet:
    """The fleet in the store, its ledger beside it on the disk."""

    def __init__(self, store: ObjectStore, folder: Path, engine: str) -> None:
        self.store, self.name = store, folder.name
        local = make_fleet(folder / "fleet", engine)
        with open(local / "oddloop.toml", "a") as toml:
            toml.write(f'\n[ledger]\nurl = "sqlite:///{folder}/ledger.db"\n')
        self.place = f"{BUCKET}/{self.name}"
        pafs.copy_files(str(local), self.place, pafs.LocalFileSystem(), store.fs)

    def start(self) -> subprocess.Popen[str]:
        return start_run(f"s3://{self.place}", **self.store.environment)

    def files(self, folder: str) -> Mapping[str, bytes]:
        """Content by path below a folder."""
        fs, root = self.store.fs, f"{self.place}/{folder}"
        infos = fs.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
        files = sorted(info.path for info in infos if info.type == pafs.FileType.File)
        return {path.removeprefix(f"{root}/"): fs.open_input_stream(path).readall() for path in files}

    def scored(self) -> Mapping[str, bytes]:
        """The one folder of scores; nothing where it is not complete."""
        files = self.files("derived/score")
        names = {path.partition("/")[0] for path in files if path.endswith("manifest.json")}
        return {path.partition("/")[2]: content for path, content in files.items() if path.partition("/")[0] in names}


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_scores_are_those_of_a_local_disk(store: ObjectStore, on_disk: Path, tmp_path: Path, engine: str) -> None:
    if engine == "ray":
        load("ray", "ray is not installed; `make test-all` installs it into .venv-ray ({error})")
    fleet = RemoteFleet(store, tmp_path, f'name = "{engine}"\nworkers = 2')
    assert finish(fleet.start())["score"]["partitions"] == N_TASKS
    assert fleet.scored() == bytes_of(on_disk, "score")


@pytest.mark.parametrize("after", [1, 25, 80])
def test_a_store_that_fails_in_mid_write_leaves_no_torn_table(
    store: ObjectStore, on_disk: Path, tmp_path: Path, after: int
) -> None:
    """A part is absent or whole, the folder is absent or complete; once the store is well, the run goes on."""
    fleet = RemoteFleet(store, tmp_path, "workers = 2\nretries = 0")
    store.fail(after, FOR_EVER)
    try:
        said = failure(fleet.start())
    finally:
        store.heal()
    assert "OSError" in said
    assert fleet.scored() == {}
    whole = {path.name: path.read_bytes() for path in (on_disk / "derived/parts").iterdir()}
    kept = {name: content for name, content in fleet.files("derived/parts").items() if name.endswith(".parquet")}
    assert kept == {name: whole[name] for name in kept}
    told = finish(fleet.start())["score"]
    assert told["partitions_reused"] == len(kept)
    assert fleet.scored() == bytes_of(on_disk, "score")


def test_a_store_that_fails_now_and_then_is_met_with_patience(
    store: ObjectStore, on_disk: Path, tmp_path: Path
) -> None:
    fleet = RemoteFleet(store, tmp_path, "workers = 2\nretries = 3")
    store.fail(after=30, n_faults=25)
    try:
        finish(fleet.start())
    finally:
        store.heal()
    assert fleet.scored() == bytes_of(on_disk, "score")


def test_a_kernel_that_fails_after_megabytes_leaves_no_part(store: ObjectStore) -> None:
    """A writer that fails closes its object, which completes the upload: so it must not have the part's name."""
    parts = PartStore(Storage(store.fs, f"{BUCKET}/ws/derived/parts", "s3://"))
    noise = pa.table({"x": np.random.default_rng(0).random(3 << 20)})

    def write() -> None:
        with (
            parts.making("key") as path,
            pq.ParquetWriter(path, noise.schema, filesystem=store.fs, compression="none") as writer,
        ):
            writer.write_table(noise)
            raise ValueError("in mid-write")

    with pytest.raises(ValueError, match=r"^in mid-write$"):
        write()
    assert parts.folder.list_files() == []
