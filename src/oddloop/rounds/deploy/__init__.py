"""Step five of the loop: a model goes into service, what deploys it is told, and it is scored next."""

from oddloop.rounds.deploy.hooks import Delivery
from oddloop.rounds.deploy.promote import Promoted, deliveries, promote

__all__ = ["Delivery", "Promoted", "deliveries", "promote"]
