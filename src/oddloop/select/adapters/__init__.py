"""Other people's strategies as policies: a strategy of a known library, named by its import path.

Each library is one module here: which of its strategies can be named, and how it is asked. None is imported before one
of its strategies is named. A library is given the candidates' vectors, or a model of two classes that says what the
scene score says; it knows no costs, so its order is walked under the budget.
"""

from __future__ import annotations

import difflib
import functools
import importlib
from dataclasses import dataclass
from typing import Any

from oddloop.errors import ConfigError
from oddloop.select.adapters import alipy, baal, lightly_mundig, modal, scikit_activeml, small_text
from oddloop.select.adapters.picking import pick_by_library
from oddloop.select.adapters.question import Library, Strategy
from oddloop.select.pool import PolicyFunction

LIBRARIES: dict[str, Library] = {
    module.LIBRARY.package: module.LIBRARY
    for module in (modal, baal, alipy, scikit_activeml, small_text, lightly_mundig)
}


@dataclass(frozen=True)
class Adapted:
    """A library's strategy as a policy, and what it cannot do without.

    Attributes:
        pick: the policy.
        strategy: what it needs.
    """

    pick: PolicyFunction
    strategy: Strategy


def library_of(path: str) -> Library | None:
    """The known library that an import path leads into; None for any other path, or name.

    >>> library_of("modAL.uncertainty:margin_sampling").distribution
    'modAL-python'
    >>> library_of("my_team.policies:mine"), library_of("random")
    (None, None)
    """
    return LIBRARIES.get(path.partition(":")[0].partition(".")[0]) if ":" in path else None


def adapt(path: str) -> Adapted | None:
    """The policy that asks a library's strategy; None where the path leads into no known library.

    Args:
        path: `package.module:strategy`.

    Raises:
        ConfigError: the strategy cannot be named, or the library is not installed or cannot be imported.

    >>> adapt("my_team.policies:mine") is None
    True
    >>> adapt("baal.active.heuristics:BALD")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    oddloop.errors.ConfigError: [select] policy = 'baal.active.heuristics:BALD': of baal only strategies can be ...
    """
    library = library_of(path)
    if library is None:
        return None
    module_name, _, name = path.partition(":")
    if name not in library.strategies:
        raise ConfigError(_cannot_be_named(path, library, name))
    strategy = library.strategies[name]
    target = _find(path, _import(path, module_name, library), name)
    return Adapted(functools.partial(pick_by_library, strategy, target), strategy)


def _cannot_be_named(path: str, library: Library, name: str) -> str:
    close = difflib.get_close_matches(name, library.strategies, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return (
        f"[select] policy = {path!r}: of {library.distribution} only strategies can be named that need scene vectors, "
        f"or one number of certainty per scene; {hint}these are: {', '.join(library.strategies)}. "
        f"A pool holds no labels, class probabilities or models, and {library.refused}; for such a strategy write a "
        "policy of your own that calls it"
    )


def _import(path: str, module_name: str, library: Library) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != library.package:
            raise ConfigError(_cannot_import(path, module_name, error)) from error
        raise ConfigError(
            f"[select] policy = {path!r}: {library.package} is not installed; "
            f"run `python -m pip install {library.distribution}` in the environment of oddloop"
        ) from error
    except Exception as error:  # importing runs the library's code, which may raise anything
        raise ConfigError(_cannot_import(path, module_name, error)) from error


def _cannot_import(path: str, module_name: str, error: Exception) -> str:
    return f"[select] policy = {path!r}: cannot import {module_name!r}: {type(error).__name__}: {error}"


def _find(path: str, module: Any, name: str) -> Any:
    try:
        return functools.reduce(getattr, name.split("."), module)
    except AttributeError as error:
        raise ConfigError(f"[select] policy = {path!r}: {module.__name__} has no {name!r}") from error
