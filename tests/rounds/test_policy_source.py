"""The digest of a policy's code reads all the code that picks."""

from __future__ import annotations

import inspect

import pytest

from oddloop.rounds.stages import select as stage


def test_the_digest_reads_every_module_of_select_at_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    getsource = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda module: read.append(module.__name__) or getsource(module))
    stage.policy_source_digest("kcenter")
    assert {"oddloop.select.kcenter", "oddloop.select.strategies.greedy", "oddloop.select.gap_driven.policy"} <= {*read}
    assert len(read) == len(set(read))


def test_a_change_in_a_strategy_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before, getsource = stage.policy_source_digest("kcenter"), inspect.getsource
    assert stage.policy_source_digest("kcenter") == before

    def changed(module) -> str:
        return getsource(module) + ("# new" if module.__name__ == "oddloop.select.strategies.facility" else "")

    monkeypatch.setattr(inspect, "getsource", changed)
    assert stage.policy_source_digest("kcenter") != before
