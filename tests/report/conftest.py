"""The large made-up fleet, built once: its report and page are used by most tests here."""

from __future__ import annotations

import pytest

from oddloop.report import ReportInputs, RoundReport, build_report, render_html
from report.page_parser import Page, parse
from report.report_inputs import fleet_inputs


@pytest.fixture(scope="session")
def inputs() -> ReportInputs:
    return fleet_inputs()


@pytest.fixture(scope="session")
def report(inputs: ReportInputs) -> RoundReport:
    return build_report(inputs)


@pytest.fixture(scope="session")
def html(report: RoundReport) -> str:
    return render_html(report)


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return parse(html)
