"""Where logs begin that are published without a date: an hour apart, from 2015 on."""

from __future__ import annotations

EPOCH_NS = 1_420_070_400_000_000_000
"""The first of January 2015, UTC."""
HOUR_NS = 3_600_000_000_000
