"""Run a command of the team's own: filled in, limited, watched, tried again, its logs kept, no process left behind."""

from oddloop.rounds.hook.attempts import Call, read_attempts, run_hook
from oddloop.rounds.hook.command import settings_of

__all__ = ["Call", "read_attempts", "run_hook", "settings_of"]
