"""Labelling tools, both ways: what a round sends out, and what comes back, one module per tool and direction.

All of it is conversion between values, save `http`, `label_studio_api` and `cvat_api`, which talk to servers.
"""

from oddloop.exchange.labelling.batch import Batch, Box, Frame, Scene, Unit
from oddloop.exchange.labelling.delivery import Answer, Delivery, Sent

__all__ = ["Answer", "Batch", "Box", "Delivery", "Frame", "Scene", "Sent", "Unit"]
