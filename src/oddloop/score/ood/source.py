"""Where features come from, and the refusal of statistics that were fitted to another model's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from oddloop.errors import TableError


@dataclass(frozen=True)
class Source:
    """What made the features.

    Attributes:
        model_id: the model whose outputs are scored.
        encoder_id: the layer or encoder that the features are of; for telemetry, the columns.
        model_digest: digest of the model's weights, where the caller has one: tells two models of one name apart.
    """

    model_id: str
    encoder_id: str
    model_digest: str = ""

    @property
    def digest(self) -> str:
        """16 bytes of BLAKE2b over the three, as 32 hex digits.

        >>> Source("m1", "layer4").digest == Source("m2", "layer4").digest
        False
        """
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def __str__(self) -> str:
        weights = f", weights {self.model_digest}" if self.model_digest else ""
        return f"model `{self.model_id}`, encoder `{self.encoder_id}`{weights} (source digest {self.digest})"


def check_source(fitted: Source, given: Source, statistics: str) -> None:
    """Refuse features that are not of the source that statistics were fitted to.

    Args:
        fitted: source of the statistics.
        given: source of the features to score.
        statistics: names the statistics in the message.

    Raises:
        TableError: the two differ; the message names both, with their digests.
    """
    if fitted != given:
        raise TableError(
            f"{statistics} were fitted to {fitted}, but the features are of {given}; "
            "fit them again on this model's own features of its training scenes"
        )
