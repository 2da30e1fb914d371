"""From a report to its page: one HTML file that opens from disk and asks nobody for anything.

Plotly's script comes from the installed package; styles, script and data stand in the page itself. A content security
policy in the page forbids every connection, so that a report can be mailed around without leaking what it shows.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from oddloop.report import formats, gaps, wording
from oddloop.report.figures import evidence_figure
from oddloop.report.heatmap import heatmap_view
from oddloop.report.map_figure import map_figure
from oddloop.report.model import EvidenceCurve, RoundReport
from oddloop.report.palette import cluster_colour, cluster_glyph
from oddloop.report.performance import performance_figure, performance_views

MAX_CURVES = 60
"""Learning curves that the page can show; further ones are in the JSON only, and the page says so."""


def report_json(report: RoundReport) -> str:
    """The report as one line of JSON, exactly as it stands in the page; safe inside a `<script>` element."""
    return safe_json(asdict(report))


def render_html(report: RoundReport) -> str:
    """The round's page; write it as UTF-8. The same report gives the same bytes."""
    template = environment().get_template("round.html")
    view = _view(report)
    return template.render(
        report=report,
        words=wording,
        gaps=gaps,
        data=Markup(report_json(report)),  # noqa: S704 - escaped
        view=Markup(safe_json(view)),  # noqa: S704 - escaped
        evidence=view["evidence"].get("evidence 0"),
        css=own_file("round.css"),
        script=own_file("round.js"),
        plotly=safe_script(get_plotlyjs()),
        performance_views=tuple(performance_views(report)),
        curves=report.evidence[:MAX_CURVES],
    )


def environment() -> Environment:
    """Templates of this package: all that is put in is escaped, and what is not defined is an error."""
    made = Environment(
        loader=PackageLoader("oddloop.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plain = ("number", "count", "volume", "plural", "cost", "spent", "percent", "duration")
    names = (*plain, "with_interval", "with_reach", "ends", "breakable")
    made.filters |= {name: getattr(formats, name) for name in names}
    made.filters |= {"cluster_colour": cluster_colour, "cluster_glyph": cluster_glyph, "code": _code}
    return made


def _view(report: RoundReport) -> dict[str, Any]:
    """What the page's script draws: figures by name, the heatmap's cells, and the table beside each learning curve."""
    curves = report.evidence[:MAX_CURVES]
    figures = {f"evidence {i}": evidence_figure(curve, report) for i, curve in enumerate(curves)}
    views = performance_views(report)
    if report.lead is not None and "performance" not in report.missing:
        figures |= {f"performance {name}": performance_figure(report, report.lead, *key) for name, key in views.items()}
    if "map" not in report.missing:
        figures["map"] = map_figure(report)
    evidence = {f"evidence {i}": _evidence_view(curve, report) for i, curve in enumerate(curves)}
    return {"figures": figures, "heatmap": heatmap_view(report), "evidence": evidence}


def _evidence_view(curve: EvidenceCurve, report: RoundReport) -> dict[str, Any]:
    rows = [
        [
            wording.arm_name(p.arm),
            str(p.round),
            formats.cost(p.cost),
            formats.number(p.value),
            formats.ends(p.ci_low, p.ci_high),
            formats.count(p.n_logs),
        ]
        for p in curve.points
    ]
    return {"sentence": wording.evidence_sentence(curve, report), "rows": rows}


def safe_json(value: Any) -> str:
    """Compact JSON without any `<`, so that no value can end the `<script>` element that holds it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _code(sentence: str) -> Markup:
    """A sentence with what stands between backticks set as code."""
    parts = sentence.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))


def own_file(name: str) -> Markup:
    """A style sheet or script of this package, to stand in a page as it is."""
    return Markup(resources.files("oddloop.report").joinpath("templates", name).read_text("utf-8"))  # noqa: S704 - ours


def safe_script(source: str) -> Markup:
    """A script that may stand inside `<script>`: nothing in it closes the element."""
    return Markup(source.replace("</script", "<\\/script").replace("<!--", "<\\!--"))  # noqa: S704 - the package's own
