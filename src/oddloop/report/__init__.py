"""Static HTML pages: of a round, of what was counted, of an audit of scores, and of the cards of a discovery."""

from oddloop.report.audit_page import AuditPage, render_audit
from oddloop.report.build import build_report
from oddloop.report.cards_page import CardsPage, render_cards
from oddloop.report.cards_publish import CARDS_FILE, publish_cards
from oddloop.report.html import render_html, report_json
from oddloop.report.model import LeadMetric, ReportInputs, RoundReport
from oddloop.report.publish import publish_report, say_where_to_look
from oddloop.report.written import Published

__all__ = [
    "CARDS_FILE",
    "AuditPage",
    "CardsPage",
    "LeadMetric",
    "Published",
    "ReportInputs",
    "RoundReport",
    "build_report",
    "publish_cards",
    "publish_report",
    "render_audit",
    "render_cards",
    "render_html",
    "report_json",
    "say_where_to_look",
]
