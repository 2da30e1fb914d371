"""Run a command of the team's own: filled in, limited, watched, tried again, its logs kept, no process left behind."""

from oddloop.rounds.hook.attempts import ATTEMPTS_FILE, Call, run_hook

__all__ = ["ATTEMPTS_FILE", "Call", "run_hook"]
