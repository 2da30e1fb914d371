"""Drivers, connections that are lost, and writers that meet."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oddloop.errors import LedgerError, MissingExtraError
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.ledger.database import Database
from oddloop.rounds.ledger.drivers import POSTGRES_DRIVERS, choose_driver
from oddloop.rounds.state import RoundState
from postgres_server import PASSWORD, PostgresServer

ME = Author("tester", 7)
URL = "postgresql://me:secret@127.0.0.1:1/ledger?application_name=hidden"


@pytest.fixture
def only_these(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make all drivers but some look as if they were not installed."""
    real = builtins.__import__

    def install(*names: str) -> None:
        import importlib

        def import_module(name: str, package: str | None = None) -> Any:
            if name in POSTGRES_DRIVERS and name not in names:
                raise ModuleNotFoundError(f"No module named {name!r}")
            return object() if name in names else real(name)

        monkeypatch.setattr(importlib, "import_module", import_module)

    return install


def test_a_plain_url_takes_the_first_driver_that_is_installed(only_these: Callable[..., None]) -> None:
    only_these("pg8000", "psycopg2")
    assert choose_driver(URL).drivername == "postgresql+psycopg2"
    assert choose_driver(URL.replace("postgresql", "postgres")).drivername == "postgresql+psycopg2"
    only_these("pg8000")
    assert choose_driver(URL).drivername == "postgresql+pg8000"


def test_without_a_driver_the_extra_is_named_and_no_secret(only_these: Callable[..., None]) -> None:
    only_these()
    with pytest.raises(MissingExtraError, match=r"pip install 'oddloop\[postgres\]'") as told:
        Ledger(URL)
    assert "me:***@127.0.0.1:1/ledger: the driver of this database is not installed" in str(told.value)
    assert "secret" not in str(told.value)
    assert "hidden" not in str(told.value)


def test_a_named_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises((MissingExtraError, LedgerError), match=r"nodriver"):
        Ledger(URL.replace("postgresql", "postgresql+nodriver"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://root@host/ledger", "can be kept in SQLite or PostgreSQL, not in mysql"),
        ("ledger.db", r"\[ledger\] url: not a database URL; write postgresql://"),
        ("postgresql://host:port/ledger", r"\[ledger\] url: not a database URL"),
    ],
)
def test_another_database_is_refused(url: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        Ledger(url)


def test_a_ledger_that_somebody_holds_is_said_to_be_so(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    holder = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with holder.writing():
        assert ledger.events() == []  # who reads waits for nobody
        with pytest.raises(LedgerError, match=r"cannot write the ledger: database is locked"):
            ledger.append("r001", "proposed", {}, key="a", author=ME)
    assert ledger.append("r001", "proposed", {}, key="a", author=ME).seq == 1


@pytest.mark.system
def test_a_lost_connection_is_told_and_the_same_again_records_once(postgres: PostgresServer) -> None:
    ledger = Ledger(postgres.new_ledger())
    ledger.append("r001", "proposed", {}, key="a", author=ME)

    def cut(_state: RoundState | None) -> None:
        postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'user%'")

    for _ in range(2):
        with pytest.raises(LedgerError, match=r"connection to the ledger was lost: .*run the same again") as told:
            ledger.append("r001", "sent", {}, key="a", author=ME, guard=cut)
        assert PASSWORD not in str(told.value)
    assert [event.kind for event in ledger.events()] == ["proposed"]
    for _ in range(2):
        assert ledger.append("r001", "sent", {}, key="a", author=ME).seq == 2
    ledger.close()


@pytest.mark.system
def test_a_server_that_is_killed_and_comes_back_has_all_that_was_acknowledged(postgres: PostgresServer) -> None:
    url = postgres.new_ledger()
    ledger = Ledger(url)
    ledger.append("r001", "proposed", {}, key="a", author=ME)
    postgres.kill()
    with pytest.raises(LedgerError, match=r"user\d+:\*\*\*@127.0.0.1:\d+/postgres"):
        ledger.append("r001", "sent", {}, key="a", author=ME)
    with pytest.raises(LedgerError, match="cannot open the ledger"):
        Ledger(url)
    postgres.start()
    assert ledger.append("r001", "sent", {}, key="a", author=ME).seq == 2
    ledger.close()


@pytest.mark.system
def test_a_wrong_password_is_told_in_the_server_s_words(postgres: PostgresServer) -> None:
    url = sa.make_url(postgres.new_ledger()).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(LedgerError, match="cannot open the ledger: password authentication failed for user"):
        Ledger(url)


@pytest.mark.system
def test_what_a_role_prefers_makes_commits_no_weaker(postgres: PostgresServer) -> None:
    url = postgres.new_ledger()
    role = sa.make_url(url).username
    postgres.run(f"ALTER ROLE {role} SET synchronous_commit = off")
    postgres.run(f"ALTER ROLE {role} SET default_transaction_isolation = serializable")
    database = Database(url)
    with database.writing() as connection:
        asked = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("synchronous_commit", "transaction_isolation")
        ]
    assert asked == ["on", "read committed"]
    postgres.run(f"ALTER ROLE {role} SET synchronous_commit = remote_apply")
    database.close()
    with database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "remote_apply"
    database.close()


@pytest.mark.system
@pytest.mark.parametrize("driver", ["", "+pg8000", "+psycopg"])
def test_every_driver_that_is_installed_will_do(postgres: PostgresServer, driver: str) -> None:
    if driver:
        pytest.importorskip(driver[1:], exc_type=ImportError)
    ledger = Ledger(postgres.new_ledger(driver=driver))
    ledger.append("r001", "proposed", {"picks": [], "note": "100 % «é»"}, key="a%s:b", author=ME)
    assert (ledger.events()[0].key, ledger.round("r001").proposal["note"]) == ("r001/proposed/a%s:b", "100 % «é»")
    ledger.close()


# One process imports everything once and forks the two that race; each turn begins when both can read its number.
RACE = """
import json, os, sys
from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger

def race(name, turns, answers):
    ledger = Ledger(sys.argv[1])
    for line in turns:
        try:
            ledger.append(line.strip(), "labelled", {}, key=name, author=Author(name, 1))
            answer = "won"
        except LedgerError as error:
            answer = str(error)
        print(answer, file=answers, flush=True)
    ledger.close()

racers = []
for name in ("ann", "bob"):
    (turns, give), (hear, answers) = os.pipe(), os.pipe()
    if os.fork() == 0:
        for racer in racers:
            racer[0].close()
        os.close(give)
        race(name, os.fdopen(turns), os.fdopen(answers, "w"))
        os._exit(0)
    os.close(turns)
    racers.append((os.fdopen(give, "w"), os.fdopen(hear)))
for number in range(20):
    for give, _ in racers:
        print(f"r{number:03d}", file=give, flush=True)
    print(json.dumps([hear.readline().strip() for _, hear in racers]))
for give, _ in racers:
    give.close()
sys.exit(any([os.wait()[1] for _ in racers]))
"""


def test_of_two_processes_that_race_for_a_round_one_wins_and_the_other_is_told(ledger_url: str) -> None:
    Ledger(ledger_url).close()
    done = subprocess.run([sys.executable, "-c", RACE, ledger_url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    turns = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(turns) == 20
    for number, answers in enumerate(turns):
        told, won = sorted(answers)
        assert won == "won"
        assert told.startswith(f"round r{number:03d} is labelled: it cannot become labelled")
    ledger = Ledger(ledger_url)
    assert [event.author for event in ledger.events()] == [("ann", "bob")[t.index("won")] for t in turns]
    ledger.close()
