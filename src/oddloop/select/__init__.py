"""Selection: candidates and a budget to picks, each with its reasons."""

from oddloop.select.backtest import backtest
from oddloop.select.backtest_scenes import backtest_scenes, backtest_score
from oddloop.select.candidates import build_candidates
from oddloop.select.cost import predict_cost
from oddloop.select.guard import PolicyError
from oddloop.select.kcenter import kcenter
from oddloop.select.key_frames import key_frames
from oddloop.select.policies import random, top_k
from oddloop.select.pool import Picks, Pool
from oddloop.select.prices import FittedPrice
from oddloop.select.reconcile import CostCheck, reconcile_costs
from oddloop.select.registry import POLICIES, find_policy, resolve_policy
from oddloop.select.stage import SelectResult, select

__all__ = [
    "POLICIES",
    "CostCheck",
    "FittedPrice",
    "Picks",
    "PolicyError",
    "Pool",
    "SelectResult",
    "backtest",
    "backtest_scenes",
    "backtest_score",
    "build_candidates",
    "find_policy",
    "kcenter",
    "key_frames",
    "predict_cost",
    "random",
    "reconcile_costs",
    "resolve_policy",
    "select",
    "top_k",
]
