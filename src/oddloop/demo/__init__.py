"""A simulated fleet with planted gaps, to see the whole loop work without any data of one's own.

Importing this package loads neither SUMO nor scikit-learn; `simulate_fleet` needs the extra `demo`.
"""

from oddloop.demo.attributes import ATTRIBUTES
from oddloop.demo.fleet import Fleet, load_fleet, simulate_fleet
from oddloop.demo.settings import FleetSettings, small_fleet

__all__ = ["ATTRIBUTES", "Fleet", "FleetSettings", "load_fleet", "simulate_fleet", "small_fleet"]
