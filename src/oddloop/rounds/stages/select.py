"""Candidates and picks under the budget."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
from dataclasses import asdict, replace

from oddloop import neighbours, select
from oddloop.config import SelectConfig
from oddloop.errors import ConfigError
from oddloop.lake.derived import Derived, derive
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.audit import resolve_audited
from oddloop.rounds.stages.context import Context, Done, make_generator, write_tables
from oddloop.rounds.stages.kept_neighbours import merged_neighbours
from oddloop.rounds.stages.stored_vectors import VectorFile
from oddloop.select.adapters import library_of

VECTORS = "scene_vectors.parquet"
AUDITED = "audited"
"""`[select] score` that stands for the score that the audit recommends."""


def run_select(context: Context, done: Done) -> Derived:
    """Candidates and picks under the budget."""
    config = context.workspace.config
    chosen = config.select
    audited: dict[str, str] = {}
    if chosen.score == AUDITED:
        chosen, audited = resolve_audited(context, done["score"])
    inputs = {
        **context.digests("scenes", "labels"),
        **{name: done[name].digest for name in ("score", "coverage", "discover")},
        **({"diagnosis": done["diagnosis"].digest} if "diagnosis" in done else {}),
        **audited,
        **({"review": digest_of(dict(context.set_aside))} if any(context.set_aside.values()) else {}),
        "policy_source": policy_source_digest(config.select.policy),
    }
    settings = {"select": asdict(chosen), "cost": asdict(config.cost)}
    recipe = context.recipe("select", inputs, settings, seed=config.workspace.seed)
    return derive(context.workspace.storage, recipe, lambda out: _write_select(context, done, chosen, out))


def _write_select(context: Context, done: Done, chosen: SelectConfig, out: Storage) -> dict[str, int]:
    with merged_neighbours(context.workspace.storage, "select", out):
        result = _pick(context, done, chosen)
    rows = write_tables(out, candidates=result.candidates, picks=result.picks)
    return {**rows, **{f"excluded_{reason}": n for reason, n in result.n_excluded.items()}}


def pick_with(context: Context, done: Done, budget: float) -> select.SelectResult:
    """The same selection under another budget; nothing is written."""
    chosen = context.workspace.config.select
    if chosen.score == AUDITED:
        chosen = resolve_audited(context, done["score"])[0]
    return _pick(context, done, replace(chosen, budget=budget))


def _pick(context: Context, done: Done, chosen: SelectConfig) -> select.SelectResult:
    config = context.workspace.config
    diagnosis = done["diagnosis"].storage if "diagnosis" in done else None
    discovered = done["discover"].storage
    vectors = VectorFile.of(discovered, VECTORS) if chosen.parts > 1 else discovered.read_table(VECTORS)
    return select.select(
        context.scenes(),
        context.labelled_ids(),
        done["score"].storage.read_table("scene_scores.parquet"),
        vectors,
        done["coverage"].storage.read_table("segments.parquet"),
        chosen,
        config.cost,
        make_generator(config.workspace.seed, "select"),
        scene_values=done["coverage"].storage.read_table("scene_values.parquet"),
        gaps=diagnosis.read_table("gaps.parquet") if diagnosis else None,
        verdicts=diagnosis.read_table("verdicts.parquet") if diagnosis else None,
        set_aside=context.set_aside,
        run=context.engine.map,
    )


def count_candidates(context: Context, done: Done) -> int:
    """How many scenes could be picked, whatever the policy."""
    scores = done["score"].storage.read_table("scene_scores.parquet")
    config, tables = context.workspace.config, (context.scenes(), context.labelled_ids())
    exclude = config.select.exclude, context.set_aside
    candidates, _ = select.build_candidates(*tables, scores, "", config.cost, *exclude)
    return int(candidates.num_rows)


def policy_source_digest(policy: str) -> str:
    """Digest of `policy_source`, so that a changed policy picks anew and every pick can be traced to its code."""
    return digest_of(policy_source(policy))


def policy_source(policy: str) -> list[list[str]]:
    """Code of a policy: name and source of each module, and of a library its name and version.

    A policy of oddloop is all modules of `oddloop.select` and `oddloop.neighbours`, at any depth; one of the team's
    own, its module; a strategy of a library that can be named is oddloop's modules, which ask it, the library's module
    and its version.
    """
    select.resolve_policy(policy)  # refuses an unknown one
    library = library_of(policy)
    module_name = policy.partition(":")[0] if ":" in policy else select.__name__
    ours = module_name.partition(".")[0] == select.__name__.partition(".")[0]
    code = _sources(_own_modules() if ours or library else [])
    if library:
        code.append([library.distribution, _version(library.distribution)])
    try:
        return code if ours else code + _sources([module_name])
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"[select] policy = {policy!r}: there is no source of {module_name!r} that picks could be traced to; "
            "name a function of a module that is written in Python"
        ) from error


def _own_modules() -> list[str]:
    packages = (select, neighbours)
    return sorted(i.name for p in packages for i in pkgutil.walk_packages(p.__path__, f"{p.__name__}."))


def _sources(names: list[str]) -> list[list[str]]:
    return [[name, inspect.getsource(importlib.import_module(name))] for name in names]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # a copy that pip did not install
        return ""
