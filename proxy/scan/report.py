"""What a scan found, as one HTML file that needs nothing else. Pure.

Rules of this file: no script, nothing loaded from anywhere (a policy in the file says so to the browser, too), all text
escaped by the template; addresses of third parties are text and no links. It reads on a phone, in light and in dark.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from proxy.catalogue.load import Catalogue
from proxy.scan.charts import MEANING, by_action, by_category, by_host
from proxy.scan.findings import Found, Kind, PageFound, host_of, is_literal, numbers, parties

#: Literals of one page that are shown.
LITERALS = 100


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("proxy.scan"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )


def report(found: Found, catalogue: Catalogue, day: date) -> str:
    """The report as a whole document."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            found=found,
            day=day,
            style=Markup(_style()),  # noqa: S704  (our own file)
            categories=by_category(found.parties),
            hosts=by_host(found.pages),
            all_hosts=len({host_of(tag) for page in found.pages for tag in page.tags}),
            actions=by_action(found.parties),
            meaning=MEANING,
            Kind=Kind,
            numbers=numbers,
            parties_of=lambda page: parties([page], catalogue),
            literals_of=_literals,
            most_literals=LITERALS,
        )
    )


def _literals(page: PageFound) -> list[object]:
    return [tag for tag in page.tags if is_literal(tag)]


@cache
def _style() -> str:
    return files("proxy.scan").joinpath("templates/report.css").read_text("utf-8")
