"""Static HTML pages: of a round, of what was counted, of an audit of scores, and of the cards of a discovery."""

from oddloop.report.audit_page import AuditPage, render_audit
from oddloop.report.build import build_report
from oddloop.report.cards_collect import CARDS_FILE, render_discovery
from oddloop.report.cards_page import CardsPage, render_cards
from oddloop.report.html import render_html, report_json
from oddloop.report.model import LeadMetric, ReportInputs, RoundReport
from oddloop.report.write import say_where_to_look, write_report
from oddloop.report.written import WrittenPage

__all__ = [
    "CARDS_FILE",
    "AuditPage",
    "CardsPage",
    "LeadMetric",
    "ReportInputs",
    "RoundReport",
    "WrittenPage",
    "build_report",
    "render_audit",
    "render_cards",
    "render_discovery",
    "render_html",
    "report_json",
    "say_where_to_look",
    "write_report",
]
