"""Policies by name; the team's own, and other libraries', by import path."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from oddloop.errors import ConfigError
from oddloop.select.adapters import adapt
from oddloop.select.funnel import pick_funnel
from oddloop.select.gap_driven import CONTROL, EXPLORE, QUOTA, pick_gap_driven
from oddloop.select.kcenter import pick_kcenter
from oddloop.select.policies import pick_at_random, pick_by_score
from oddloop.select.pool import PolicyFunction
from oddloop.select.scores import MARGIN, UNCERTAINTY
from oddloop.select.strategies import over_pools as pools


@dataclass(frozen=True)
class Policy:
    """A policy and what it cannot do without.

    Attributes:
        name: registered name or import path.
        pick: the function.
        scores: patterns of the scene scores that it ranks by, best first; none where it needs no score.
        optional_scores: patterns of scores that it uses where there are any.
        needs_vectors: whether only scenes with a vector can be picked.
        reason: code and text of why a pick was made; the text may use {gain}.
        rules: code and text by the rule that let a pick in, where it is not `reason`; the text may also use {quotas},
            the names of those that the pick fills.
        reason_without_gain: the same for a pick without a gain; "" gives no reason.
        uses_needs: whether it asks what segments need, so that why gaps exist must be known before.
    """

    name: str
    pick: PolicyFunction
    scores: tuple[str, ...] = ()
    needs_vectors: bool = False
    optional_scores: tuple[str, ...] = ()
    reason: tuple[str, str] = ("", "")
    reason_without_gain: tuple[str, str] = ("", "")
    rules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    uses_needs: bool = False

    @property
    def compares_scenes(self) -> bool:
        """Whether it looks at scene vectors, be it only where there are any."""
        return self.needs_vectors or self.uses_needs


FARTHEST = ("spread", "what is left adds nothing to the policy; it lies farthest from all labelled and picked")

POLICIES = {
    "gap_driven": Policy(
        "gap_driven",
        pick_gap_driven,
        optional_scores=UNCERTAINTY,
        reason=("cover", "adds {gain:.3g} to how well the candidates that matter are stood for"),
        rules={
            QUOTA: (
                "quota",
                "fills the quota {quotas}; adds {gain:.3g} to how well the candidates that matter are stood for",
            ),
            EXPLORE: ("explore", "drawn at random where little is labelled (exploration)"),
            CONTROL: ("control", "drawn at random (control)"),
        },
        uses_needs=True,
    ),
    "uncertainty": Policy("uncertainty", pick_by_score, scores=UNCERTAINTY),
    "margin": Policy("margin", pick_by_score, scores=MARGIN),
    "funnel": Policy("funnel", pick_funnel, scores=UNCERTAINTY, needs_vectors=True),
    "kcenter": Policy(
        "kcenter",
        pick_kcenter,
        needs_vectors=True,
        reason=("spread", "{gain:.3g} in vector space from every labelled and every earlier picked scene"),
        reason_without_gain=("typical", "nearest to the mean of all candidates; nothing is labelled yet"),
    ),
    "power": Policy(
        "power",
        pools.pick_power,
        scores=UNCERTAINTY,
        reason=("drawn", "drawn with chance in proportion to its score, {gain:.3g}"),
    ),
    "facility_location": Policy(
        "facility_location",
        pools.pick_facility_location,
        needs_vectors=True,
        reason=("stands_for", "stands for {gain:.3g} candidates more than those labelled and picked before it"),
        reason_without_gain=FARTHEST,
    ),
    "maxherding": Policy(
        "maxherding",
        pools.pick_maxherding,
        needs_vectors=True,
        reason=("stands_for", "stands for {gain:.3g} candidates more, by a Gaussian kernel, than those before it"),
        reason_without_gain=FARTHEST,
    ),
    "probcover": Policy(
        "probcover",
        pools.pick_probcover,
        needs_vectors=True,
        reason=("stands_for", "{gain:.3g} candidates are near it and near nothing labelled or picked before it"),
        reason_without_gain=FARTHEST,
    ),
    "logdet": Policy(
        "logdet",
        pools.pick_logdet,
        needs_vectors=True,
        reason=("volume", "widens the volume that labelled and picked vectors span by {gain:.3g} nats"),
    ),
    "typiclust": Policy(
        "typiclust",
        pools.pick_typiclust,
        needs_vectors=True,
        reason=("typical", "the most typical one left of a group with the fewest labels: typicality {gain:.3g}"),
        reason_without_gain=("typical", "alone in its group, which has no label"),
    ),
    "kmeans": Policy(
        "kmeans",
        pools.pick_kmeans,
        needs_vectors=True,
        reason=("typical", "nearest to the centre of a group of {gain:.3g} candidates"),
        reason_without_gain=FARTHEST,
    ),
    "kmeans_plus_plus": Policy(
        "kmeans_plus_plus",
        pools.pick_plus_plus,
        needs_vectors=True,
        reason=("spread", "drawn by its distance, {gain:.3g} from every labelled and every earlier picked scene"),
        reason_without_gain=("drawn", "drawn at random; nothing is labelled yet"),
    ),
    "random": Policy("random", pick_at_random, reason_without_gain=("control", "drawn at random (control)")),
}


def resolve_policy(name: str) -> PolicyFunction:
    """Function of a policy: a registered name, or `package.module:function`.

    Raises:
        ConfigError: there is no such policy, or it cannot be imported.

    >>> resolve_policy("random").__name__
    'pick_at_random'
    """
    return find_policy(name).pick


def find_policy(name: str) -> Policy:
    """Policy of a name or import path; see `resolve_policy`.

    The team's own functions need nothing and are given all there is; a score only where `[select] score` names one. A
    strategy of a library that `adapters` knows says itself what it needs.
    """
    if name in POLICIES:
        return POLICIES[name]
    if adapted := adapt(name):
        needs = adapted.strategy
        reason = ("library", f"next in the order of {name}")
        return Policy(name, adapted.pick, needs.scores, needs.needs_vectors, reason_without_gain=reason)
    if ":" in name:
        return Policy(name, _import(name), reason=("gain", "gained {gain:.3g} when it was picked"))
    close = difflib.get_close_matches(name, POLICIES, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    raise ConfigError(
        f"[select] policy = {name!r} is not known; {hint}known: {', '.join(POLICIES)}, "
        'or your own as "package.module:function"'
    )


def _import(path: str) -> PolicyFunction:
    module_name, _, function_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # importing runs the team's code, which may raise anything
        raise ConfigError(
            f"[select] policy = {path!r}: cannot import {module_name!r}: {type(error).__name__}: {error}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        names = [name for name in vars(module) if callable(getattr(module, name)) and not name.startswith("_")]
        close = difflib.get_close_matches(function_name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"[select] policy = {path!r}: {module_name} has no function {function_name!r}{hint}")
    return function  # type: ignore[no-any-return]  # its answers are checked where it is called
