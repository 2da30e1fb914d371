"""SQL of what is published of scenes: `dim_scene` and `fact_scene_score`.

Views that it reads: `scenes`, `labels`, `scene_values` (of the newest coverage), `candidates`, `picked`, `clustered`
and `scene_scores`. Time grows with the scenes and their logarithm (they are sorted); joins and sorts spill, so that
memory is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

from oddloop.derived_tables.star import ODD_PREFIX
from oddloop.lake.sql import named, quoted

_OPTIONAL = {"distance_m": "DOUBLE", "n_frames": "BIGINT", "media_uri": "VARCHAR", "split": "VARCHAR"}


def scenes_sql(columns: Sequence[str], values: dict[str, bool], web_url: str) -> str:
    """Rows of DIM_SCENE, with a column per attribute.

    Args:
        columns: those that `scenes` has.
        values: attributes that `scene_values` has, and whether a scene may have several values of it.
        web_url: where the web app is; "" gives no links.
    """
    own = {name: f"s.{name}" if name in columns else f"NULL::{kind}" for name, kind in _OPTIONAL.items()}
    link = f"{quoted(web_url.rstrip('/'))} || '/scenes/scene?id=' || url_encode(s.scene_id)" if web_url else "NULL"
    odd = "".join(f", {_value(name, is_list)} AS {named(ODD_PREFIX + name)}" for name, is_list in values.items())
    return f"""
        SELECT s.scene_id, s.log_id, make_timestamp_ns(s.start_ns)::TIMESTAMP AT TIME ZONE 'UTC' AS started_at,
            s.duration_s, {own["distance_m"]} AS distance_m, {own["n_frames"]} AS n_frames,
            CASE WHEN {own["split"]} = 'eval' THEN 'held_out' WHEN v.labelled THEN 'labelled'
                 ELSE 'unlabelled' END AS status,
            make_timestamp_ns(l.labelled_at_ns)::TIMESTAMP AT TIME ZONE 'UTC' AS labelled_at,
            p.round_id AS picked_in, p.rank AS pick_rank, c.cost AS predicted_cost, k.cluster_id,
            {own["media_uri"]} AS media_uri, {link} AS scene_url{odd}
        FROM scenes s JOIN scene_values v USING (scene_id)
        LEFT JOIN (SELECT scene_id, max(labelled_at_ns) AS labelled_at_ns FROM labels GROUP BY scene_id) l
            USING (scene_id)
        LEFT JOIN picked p USING (scene_id) LEFT JOIN candidates c USING (scene_id)
        LEFT JOIN clustered k USING (scene_id)"""


def _value(name: str, is_list: bool) -> str:
    column = f"v.{named(name)}"
    return f"array_to_string({column}, ', ')" if is_list else f"{column}::VARCHAR"


def scores_sql(model_id: str, columns: Sequence[str], names: Sequence[str]) -> str:
    """Rows of FACT_SCENE_SCORE.

    Args:
        model_id: the model that was scored.
        columns: those that `scene_scores` has.
        names: scores that are wanted; those that it has not give no rows.
    """
    parts = [_score(model_id, name) for name in names if {name, f"{name}_valid"} <= set(columns)]
    return " UNION ALL ".join(parts or [f"{_score(model_id, '')} WHERE false"])


def _score(model_id: str, name: str) -> str:
    value = named(name) if name else "0.0"
    valid = f" WHERE {named(f'{name}_valid')}" if name else ""
    return f"""SELECT scene_id, {quoted(model_id)} AS model_id, {quoted(name)} AS score, {value} AS value,
        percent_rank() OVER (ORDER BY {value}) AS share_below, n_frames_scored, n_objects_sum AS n_objects
        FROM scene_scores JOIN (SELECT scene_id FROM scenes) USING (scene_id){valid}"""
