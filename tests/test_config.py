"""`oddloop.toml`: every kind of fault has its exact line, all faults come together, and defaults fill the rest."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import AttributeConfig, Config, MetricConfig, config_from_mapping, leading_metric, load_config
from oddloop.errors import ConfigError

FAULTS = [
    # unknown keys: the nearest known one, else all of them
    ("[selct]", "selct: unknown key; did you mean `select`?"),
    ("[select]\nbuget = 1", "select.buget: unknown key; did you mean `budget`?"),
    ('[attributes.weather]\nvaleus = ["a"]', "attributes.weather.valeus: unknown key; did you mean `values`?"),
    ('[metrics.ade_m]\nbeter = "lower"\nbetter = "lower"', "metrics.ade_m.beter: unknown key; did you mean `better`?"),
    ("[workspace]\nxyzzy = 1", "workspace.xyzzy: unknown key; known here: format, name, seed"),
    # types are strict, but for whole numbers that stand for floats
    ("select = 3", "select: should be a table; got 3"),
    ("attributes = 1", "attributes: should be a table; got 1"),
    ("[columns]\nscenes = 1", "columns.scenes: should be a table; got 1"),
    ('[select]\nbudget = "20"', "select.budget: input should be a valid number; got '20'"),
    ("[select]\nbudget = true", "select.budget: input should be a valid number; got True"),
    ("[workspace]\nseed = 1.5", "workspace.seed: input should be a valid integer; got 1.5"),
    ("[train]\ncommand = ['a']", "train.command: input should be a valid string; got ['a']"),
    ('[attributes.w]\nvalues = "a"', "attributes.w.values: input should be a valid array; got 'a'"),
    # ranges
    ("[select]\nbudget = 0", "select.budget: input should be greater than 0; got 0"),
    ("[select]\nbudget = inf", "select.budget: input should be a finite number; got inf"),
    ("[cost]\nper_frame = -1", "cost.per_frame: input should be greater than or equal to 0; got -1"),
    ("[coverage]\nconfidence = 1.0", "coverage.confidence: input should be less than 1; got 1.0"),
    (
        "[discover.clusters]\nmin_scenes = 1",
        "discover.clusters.min_scenes: input should be greater than or equal to 2; got 1",
    ),
    ('[lake]\nscenes = ""', "lake.scenes: should not be empty; got ''"),
    ("[score]\nreductions = []", "score.reductions: should not be empty; got []"),
    # names out of a fixed set
    ("[workspace]\nformat = 2", "workspace.format: input should be 1; got 2"),
    ('[metrics.ade_m]\nbetter = "up"', "metrics.ade_m.better: input should be 'lower' or 'higher'; got 'up'"),
    (
        '[score]\nreductions = ["max", "median"]',
        "score.reductions.1: input should be 'max', 'mean', 'sum' or 'topk'; got 'median'",
    ),
    ("[metrics.ade_m]", "metrics.ade_m.better: is missing"),
    (
        '[attributes."my weather"]',
        "attributes.my weather: a name has letters, digits, `_`, `.` and `-` only, and begins with a letter or digit; "
        "got 'my weather'",
    ),
    # settings that contradict each other
    (
        '[attributes.w]\nkind = "binned"',
        'attributes.w: `edges` belongs to kind = "binned", and only to it; give both or neither',
    ),
    (
        "[attributes.w]\nedges = [1.0]",
        'attributes.w: `edges` belongs to kind = "binned", and only to it; give both or neither',
    ),
    (
        '[attributes.w]\nkind = "binned"\nedges = [2.0, 1.0]\nvalues = ["a", "b", "c"]',
        "attributes.w: `edges` must rise strictly; got [2.0, 1.0]",
    ),
    (
        '[attributes.w]\nkind = "binned"\nedges = [1.0]\nvalues = ["a"]',
        "attributes.w: 1 edges make 2 bins, but `values` names 1; name every bin",
    ),
    ('[attributes.w]\nvalues = ["a", "a"]', "attributes.w: `values` names a value twice; got ['a', 'a']"),
    (
        "[cost]\nper_scene = 0\nper_frame = 0\nper_object = 0",
        "cost: `per_scene`, `per_frame` and `per_object` are all 0, so every scene is free; set one",
    ),
]


@pytest.mark.parametrize(("text", "line"), FAULTS)
def test_each_fault_is_named_with_its_path(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    assert str(caught.value) == f"oddloop.toml: 1 fault\n  {line}"


def test_all_faults_are_named_at_once_sorted_by_path() -> None:
    text = "[workspace]\nseed = -1\n[select]\nbudget = 0\npolcy = 'x'\n[cost]\nper_frame = -1"
    with pytest.raises(ConfigError) as caught:
        load_config(text, source="ws/oddloop.toml")
    assert str(caught.value).splitlines() == [
        "ws/oddloop.toml: 4 faults",
        "  cost.per_frame: input should be greater than or equal to 0; got -1",
        "  select.budget: input should be greater than 0; got 0",
        "  select.polcy: unknown key; did you mean `policy`?",
        "  workspace.seed: input should be greater than or equal to 0; got -1",
    ]


def test_what_is_not_toml_is_refused_with_the_place() -> None:
    with pytest.raises(ConfigError, match=r"^ws\.toml: not TOML: .*line 1"):
        load_config("a = = 1", source="ws.toml")


def test_an_empty_file_gives_the_defaults() -> None:
    assert load_config("") == Config()


def test_whole_numbers_may_stand_for_floats() -> None:
    assert load_config("[select]\nbudget = 20").select.budget == 20.0


def test_attributes_metrics_and_columns_are_read_by_name_in_the_order_of_the_file() -> None:
    config = load_config(
        '[attributes.weather]\nvalues = ["rain"]\n[attributes.area]\nkind = "ordered"\n'
        '[metrics.recall]\nbetter = "higher"\ntarget = 0.9\n[columns.scenes]\nscene_id = "clip"'
    )
    assert list(config.attributes.items()) == [
        ("weather", AttributeConfig(values=("rain",))),
        ("area", AttributeConfig(kind="ordered")),
    ]
    assert config.metrics == {"recall": MetricConfig(better="higher", target=0.9)}
    assert config.columns == {"scenes": {"scene_id": "clip"}}


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False), st.integers(0, 2**63 - 1))
def test_values_in_range_are_kept_exactly(budget: float, seed: int) -> None:
    config = config_from_mapping({"select": {"budget": budget}, "workspace": {"seed": seed}})
    assert (config.select.budget, config.workspace.seed) == (budget, seed)


def sections(owner: Any = Config, path: str = "") -> list[tuple[str, Any]]:
    """(Path, class) of every section of the file, and of the sections in it."""
    found: list[tuple[str, Any]] = []
    for name, hint in get_type_hints(owner).items():
        inner = get_args(hint)[1] if get_origin(hint) is dict else hint
        if dataclasses.is_dataclass(inner):
            found += [(path + name, inner), *sections(inner, f"{path}{name}.")]
    return found


@pytest.mark.parametrize(("name", "section"), sections())
def test_every_setting_is_frozen_and_has_a_sentence(name: str, section: Any) -> None:
    assert section.__dataclass_params__.frozen
    for setting, hint in get_type_hints(section, include_extras=True).items():
        if setting.startswith("_") or dataclasses.is_dataclass(hint):
            continue  # a section within has a docstring
        sentences = [field.description for field in getattr(hint, "__metadata__", ()) if field.description]
        assert sentences, f"{name}.{setting} has no description"


def test_a_target_may_be_any_finite_number() -> None:
    assert load_config('[metrics.m]\nbetter = "lower"\ntarget = -1').metrics["m"].target == -1.0
    with pytest.raises(ConfigError, match="finite"):
        config_from_mapping({"metrics": {"m": {"better": "lower", "target": math.nan}}})


@pytest.mark.parametrize(
    ("measured", "wanted", "directed", "expected"),
    [
        (["b", "a"], "", ["a", "b"], "a"),
        (["b", "a"], "", ["b"], "b"),
        (["b", "a"], "b", ["a", "b"], "b"),
        (["a"], "b", ["a", "b"], ""),  # the one that is set is not measured: no other stands in for it
        (["a", "b"], "b", ["a"], ""),  # nobody said what is better
        (["a"], "", [], ""),
        ([], "", ["a"], ""),
    ],
)
def test_one_metric_leads_wherever_one_must(
    measured: list[str], wanted: str, directed: list[str], expected: str
) -> None:
    metrics = {name: {"better": "lower"} for name in directed}
    config = config_from_mapping({"coverage": {"metric": wanted}, "metrics": metrics})
    assert leading_metric(measured, config) == expected
