"""The split of a number of scenes as settings that selection reads."""

from __future__ import annotations

import tomllib

from oddloop.cli.coverage_allocate import _as_settings
from oddloop.config import QuotaConfig


def test_the_split_is_settings_of_selection() -> None:
    rows = [{"segment_id": "rain=heavy", "quota": 4}, {"segment_id": 'road="a=b"', "quota": 2},
            {"segment_id": "rain=none", "quota": 0}]  # fmt: skip
    quotas = tomllib.loads(_as_settings(rows))["select"]["quotas"]
    assert [QuotaConfig(**quota) for quota in quotas] == [
        QuotaConfig({"rain": "heavy"}, minimum=4),
        QuotaConfig({"road": '"a=b"'}, minimum=2),
    ]
