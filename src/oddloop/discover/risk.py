"""Risk levels: the team's own scale, or severity x exposure x controllability as in ISO 26262-3:2018.

S0 to S3, E0 to E4 and C0 to C3 give a level by the standard's table 4, which is the sum of the three: 7 is ASIL A, 8 B,
9 C, 10 D, everything below, and any 0, QM. The weights 1, 2, 4, 8 and 16 of QM to D are oddloop's: the standard orders
the levels and does not weigh them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from oddloop.errors import ConfigError

_SEC = re.compile(r"S([0-3])\s*E([0-4])\s*C([0-3])", re.IGNORECASE)
_LEVELS = {7: "ASIL A", 8: "ASIL B", 9: "ASIL C", 10: "ASIL D"}
_WEIGHTS = {"QM": 1.0, "ASIL A": 2.0, "ASIL B": 4.0, "ASIL C": 8.0, "ASIL D": 16.0}


def integrity_level(risk: str) -> str:
    """Level that severity, exposure and controllability give; "" where the text is not of that form.

    >>> integrity_level("S3E4C3"), integrity_level("S3 E2 C2"), integrity_level("S0E4C3"), integrity_level("high")
    ('ASIL D', 'ASIL A', 'QM', '')
    """
    found = _SEC.fullmatch(risk.strip())
    if found is None:
        return ""
    parts = [int(part) for part in found.groups()]
    return _LEVELS.get(sum(parts), "QM") if all(parts) else "QM"


def risk_weight(risk: str, levels: Mapping[str, float]) -> float:
    """Weight of a risk level in the order of cards.

    Args:
        risk: a level of `levels`, or severity, exposure and controllability such as `S3E4C2`; "" is not judged yet.
        levels: the team's scale: weight by level.

    Returns:
        the weight, 0 or more; 1 where nobody has judged.

    Raises:
        ConfigError: there is no such level.

    >>> risk_weight("high", {"high": 4.0}), risk_weight("S3E4C3", {}), risk_weight("", {})
    (4.0, 16.0, 1.0)
    """
    if not risk:
        return 1.0
    if risk in levels:
        return levels[risk]
    level = integrity_level(risk)
    if not level:
        known = ", ".join(levels) or "none"
        raise ConfigError(
            f"risk {risk!r} is not known; levels: {known}; or give severity, exposure and controllability as `S3E4C2` "
            "(S0-S3, E0-E4, C0-C3)"
        )
    return _WEIGHTS[level]
