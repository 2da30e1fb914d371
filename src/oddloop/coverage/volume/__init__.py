"""Volume: what each segment should have among the labelled scenes, and which scenes and drives would bring it there."""

from oddloop.coverage.volume.collect import Collection, collect
from oddloop.coverage.volume.gaps import volume_gaps

__all__ = ["Collection", "collect", "volume_gaps"]
