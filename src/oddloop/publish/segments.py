"""SQL of what is published of segments: `fact_segment_gap`, `dim_segment` and `fact_round_lift`.

Views that it reads: per coverage `segments`, `segment_metrics` and `volume_gaps`; `gaps`, `verdicts` and `targets`
(metric, better, target). All of it is one pass with hash joins: time grows with the rows, memory with the segments of
one round, and spills.
"""

from __future__ import annotations

from oddloop.lake.sql import quoted

STATUSES = (("labelled", "labelled"), ("unlabelled", "unlabelled"), ("eval", "held_out"))
"""Status as coverage calls it, and as columns do."""

_JUDGED = {"gap_half_width": "gaps.half_width", "is_hedged": "v.hedged"} | {
    name: f"v.{name}"
    for name in (
        *("verdict", "tier", "n_needed", "n_needed_low", "n_needed_high", "n_to_label", "n_to_drive"),
        *("because", "would_change"),
    )
}
"""What the diagnosis says, by its name in the table; it is of the newest coverage only."""
_SAID = [f"{place} AS {name}" for name, place in _JUDGED.items()]
_NOTHING_SAID = [f"NULL AS {name}" for name in _JUDGED]


def segment_gaps_sql(round_id: str, coverage: str, model_id: str, *, is_newest: bool) -> str:
    """Rows of one round for FACT_SEGMENT_GAP: each segment with each metric that was measured anywhere.

    A segment that should have some volume and that no scene has is a row, too: it is a gap.

    Args:
        round_id: the round.
        coverage: prefix of the views of its coverage.
        model_id: what stands as the model where nothing is measured.
        is_newest: whether the verdicts are of this coverage.
    """
    exposures = ", ".join(_exposure(status, name) for status, name in STATUSES)
    nothing = ", ".join(f"0 AS {what}_{name}" for _, name in STATUSES for what in ("n_scenes", "n_logs", "hours", "km"))
    why = """LEFT JOIN gaps USING (segment_id, model_id, metric)
        LEFT JOIN verdicts v USING (segment_id, model_id, metric)"""
    return f"""
        WITH e AS (SELECT segment_id, any_value(odd) AS odd, {exposures}
                   FROM {coverage}_segments GROUP BY segment_id
                   UNION ALL BY NAME
                   SELECT segment_id, odd, {nothing}
                   FROM {coverage}_volume_gaps ANTI JOIN {coverage}_segments USING (segment_id)),
        named AS (SELECT DISTINCT model_id, metric FROM {coverage}_segment_metrics),
        k AS (SELECT * FROM named UNION ALL
              SELECT {quoted(model_id)}, '' WHERE NOT EXISTS (SELECT 1 FROM named))
        SELECT {quoted(round_id)} AS round_id, segment_id, model_id, metric, e.* EXCLUDE (segment_id, odd),
            g.exposure AS volume_unit, g.target AS volume_target, g.shortfall AS volume_shortfall,
            g.to_label AS volume_to_label, g.to_drive AS volume_to_drive,
            coalesce(m.n_scenes, 0) AS n_scenes_measured, coalesce(m.n_logs, 0) AS n_logs_measured,
            coalesce(m.support, 0) AS support, m.value_sum, m.value, m.ci_low AS value_low, m.ci_high AS value_high,
            coalesce(m.valid AND m.value IS NOT NULL, false) AS is_judged, t.better, t.target,
            CASE WHEN e.odd = 'outside' THEN NULL WHEN t.better = 'lower' THEN m.value - t.target
                 ELSE t.target - m.value END AS gap,
            {", ".join(_SAID if is_newest else _NOTHING_SAID)}
        FROM e CROSS JOIN k
        LEFT JOIN {coverage}_segment_metrics m USING (segment_id, model_id, metric)
        LEFT JOIN {coverage}_volume_gaps g USING (segment_id)
        LEFT JOIN targets t USING (metric)
        {why if is_newest else ""}"""


def _exposure(status: str, name: str) -> str:
    def total(column: str, per: str = "") -> str:
        return f"coalesce(sum({column}) FILTER (status = '{status}'), 0){per}"

    return (
        f"{total('n_scenes')} AS n_scenes_{name}, {total('n_logs')} AS n_logs_{name}, "
        f"{total('duration_s', ' / 3600.0')} AS hours_{name}, {total('distance_m', ' / 1000.0')} AS km_{name}"
    )


def segments_sql(coverages: list[str], web_url: str) -> str:
    """Rows of DIM_SEGMENT: each segment once, with what the last coverage that has it says of it.

    Args:
        coverages: prefixes of the coverages' views, oldest first.
        web_url: where the web app is; "" gives no links. It has no page of a segment that no scene has.
    """
    parts = " UNION ALL ".join(
        f'SELECT segment_id, n_way, attributes, "values", odd, {seen} AS seen, {at} AS place FROM {name}_{table}'
        for at, name in enumerate(coverages)
        for table, seen in (("segments", True), ("volume_gaps", False))
    )
    places = ", ".join(f'attributes[{i}] AS attribute_{i}, "values"[{i}] AS value_{i}' for i in (1, 2, 3))
    base = quoted(web_url.rstrip("/"))
    where = "list_transform(range(1, len(attributes) + 1), lambda i: 'where=' || " \
            "url_encode(attributes[i] || '=' || \"values\"[i]))"  # fmt: skip
    links = (
        f"CASE WHEN seen THEN {base} || '/coverage/segment?id=' || url_encode(segment_id) END AS segment_url, "
        f"{base} || '/scenes?' || array_to_string({where}, '&') AS scenes_url"
        if web_url
        else "NULL AS segment_url, NULL AS scenes_url"
    )
    return f"""SELECT segment_id, n_way, {places}, odd, {links} FROM (
        SELECT * FROM ({parts})
        QUALIFY row_number() OVER (PARTITION BY segment_id ORDER BY seen DESC, place DESC) = 1)"""


def lifts_sql(round_id: str, view: str) -> str:
    """Rows of one round for FACT_ROUND_LIFT."""
    return f"""SELECT {quoted(round_id)} AS round_id, comparison, metric, segment_id, value, other_value, lift,
        ci_low AS lift_low, ci_high AS lift_high, p_value, q_value, n_scenes, n_logs FROM {view}"""
