"""Whether scenes to train on are too close to those that are held out: the same log, moment, or picture."""

from oddloop.rounds.leakage.find import Leak, find_copies, find_neighbours, find_shared_logs
from oddloop.rounds.leakage.guard import Guarded, check_leakage, describe_leak, find_leaks, guard_training

__all__ = [
    "Guarded",
    "Leak",
    "check_leakage",
    "describe_leak",
    "find_copies",
    "find_leaks",
    "find_neighbours",
    "find_shared_logs",
    "guard_training",
]
