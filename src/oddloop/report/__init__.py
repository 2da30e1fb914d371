"""One static HTML page per round: what was picked and why, where the model is weak, whether it helped."""

from oddloop.report.audit_page import AuditPage, render_audit
from oddloop.report.build import build_report
from oddloop.report.html import render_html, report_json
from oddloop.report.model import LeadMetric, ReportInputs, RoundReport
from oddloop.report.publish import Published, publish_report, say_where_to_look

__all__ = [
    "AuditPage",
    "LeadMetric",
    "Published",
    "ReportInputs",
    "RoundReport",
    "build_report",
    "publish_report",
    "render_audit",
    "render_html",
    "report_json",
    "say_where_to_look",
]
