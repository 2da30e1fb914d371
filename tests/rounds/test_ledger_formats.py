"""Ledgers of older formats are migrated, whole or not at all; newer ones are refused."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger, formats
from oddloop.rounds.ledger.drivers import choose_driver
from oddloop.rounds.ledger.schema import LEDGER_FORMAT, METADATA

FORMAT_1 = (Path(__file__).parent / "ledgers/format1.sql").read_text()
N_EVENTS = 14


def make_old(url: str) -> str:
    """A ledger as it was made by oddloop at format 1."""
    text = FORMAT_1
    if not url.startswith("sqlite"):
        text = text.replace("INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "SERIAL PRIMARY KEY")
        text = re.sub(r"(DELETE FROM|INSERT INTO) \"sqlite_sequence\".*", "", text)
    engine = sa.create_engine(choose_driver(url))
    with engine.begin() as connection:
        for statement in re.split(r";\n", text):
            if statement.strip() and not re.search(r"^(BEGIN|COMMIT)", statement, re.MULTILINE):
                connection.exec_driver_sql(statement)
            elif "CREATE TABLE" in statement:
                connection.exec_driver_sql(statement[statement.index("CREATE TABLE") :])
    engine.dispose()
    return url


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(choose_driver(url))
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def format_of(url: str) -> str:
    return str(ask(url, "SELECT value FROM meta WHERE name = 'format'")[0][0])


def test_an_old_ledger_is_migrated_and_nothing_of_it_is_lost(ledger_url: str) -> None:
    before = ask(make_old(ledger_url), "SELECT * FROM events ORDER BY seq")
    ledger = Ledger(ledger_url)
    assert ask(ledger_url, "SELECT * FROM events ORDER BY seq") == before
    assert [(s.round_id, s.status) for s in ledger.rounds()] == [("r000", "closed"), ("r001", "train_failed")]
    assert ledger.round("r001").pick_ids == ["log1/s0"]
    assert ledger.append("r001", "trained", {}, key="t", author=Author("me", 1)).seq == N_EVENTS + 1
    ledger.close()
    assert format_of(ledger_url) == str(LEDGER_FORMAT)
    assert ask(ledger_url, "SELECT version_num FROM alembic_version") == [(str(LEDGER_FORMAT),)]


@pytest.mark.parametrize("is_old", [False, True], ids=["new", "migrated"])
def test_new_and_migrated_ledgers_have_the_tables_that_the_code_declares(ledger_url: str, is_old: bool) -> None:
    if is_old:
        make_old(ledger_url)
    Ledger(ledger_url).close()
    engine = sa.create_engine(choose_driver(ledger_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [change for change in compare_metadata(context, METADATA) if "alembic_version" not in str(change)]
        indexes = {index["name"] for index in sa.inspect(connection).get_indexes("events")}
    engine.dispose()
    assert found == []
    assert {"ix_events_round_id_seq", "ix_events_round_id_kind_seq"} <= indexes


@pytest.mark.parametrize("found", ["99", "0", "two"])
def test_a_ledger_of_a_format_that_is_not_known_is_refused(ledger_url: str, found: str) -> None:
    Ledger(ledger_url).close()
    ask(ledger_url, f"UPDATE meta SET value = '{found}'")
    with pytest.raises(LedgerError, match=f"ledger format {found}, this oddloop reads up to 2; upgrade oddloop"):
        Ledger(ledger_url)
    assert format_of(ledger_url) == found


def test_a_migration_that_fails_has_not_begun(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(ledger_url)

    def fail_at_the_end(connection: sa.Connection) -> None:
        migrate(connection)
        connection.exec_driver_sql("SELECT * FROM nowhere")

    migrate = formats.migrate
    monkeypatch.setattr(formats, "migrate", fail_at_the_end)
    with pytest.raises(LedgerError, match=r"cannot open the ledger: .*nowhere"):
        Ledger(ledger_url)
    assert format_of(ledger_url) == "1"
    monkeypatch.undo()
    Ledger(ledger_url).close()
    assert format_of(ledger_url) == str(LEDGER_FORMAT)


# One process imports everything once and forks the ones that open the ledger.
OPENERS = """
import os, sys
from oddloop.rounds.ledger import Ledger
from alembic import command
gate, opened = os.pipe()
children = []
for _ in range(3):
    children.append(os.fork())
    if children[-1] == 0:
        os.close(opened)
        os.read(gate, 1)   # ends for all at once, when the parent closes it
        os.write(1, b"%d\\n" % len(Ledger(sys.argv[1]).events()))
        os._exit(0)
os.close(opened)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


@pytest.mark.parametrize("is_old", [False, True], ids=["new", "old"])
def test_processes_may_open_a_ledger_at_once(ledger_url: str, is_old: bool) -> None:
    if is_old:
        make_old(ledger_url)
    done = subprocess.run([sys.executable, "-c", OPENERS, ledger_url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(N_EVENTS if is_old else 0)] * 3
    assert format_of(ledger_url) == str(LEDGER_FORMAT)


def test_an_opener_waits_for_another_that_makes_the_file(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.3, other.execute, ["COMMIT"])
    ending.start()
    with contextlib.closing(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger:
        assert ledger.events() == []
    ending.join()
    other.close()


def test_opening_a_present_ledger_loads_no_migration_tools(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    program = "import sys; from oddloop.rounds.ledger import Ledger\n"
    program += "for _ in range(2): Ledger(sys.argv[1]).close()\n"
    program += "print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
