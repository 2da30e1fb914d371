"""Score new data as it lands: look, take what lies in the landing folder, run the stages, again and again."""

from oddloop.rounds.watch.batches import Batch, Watch
from oddloop.rounds.watch.landing import Landed, take_in

__all__ = ["Batch", "Landed", "Watch", "take_in"]
