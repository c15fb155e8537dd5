"""The banner on pages whose own layout leaves it little room: it is there whole, above what it stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import chromium, playwright
from tests.browser.internet import internet
from tests.browser.shop import consentry, file_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

LAYOUTS = {
    "blocks": "",
    "column": "html, body { height: 100% } body { display: flex; flex-direction: column } main { flex: 1 }",
    "rows": "body { display: grid; grid-template: 60px 1fr / 200px 1fr; height: 100vh } nav { grid-column: 1 / 3 }",
    "hidden": "section, form, button { display: none } body > :first-child { height: 10px; overflow: hidden }",
}
HELD = """() => {
    const host = document.querySelector("#consentry"), form = host.shadowRoot.querySelector("form");
    const [outer, inner] = [host.getBoundingClientRect(), form.getBoundingClientRect()];
    return inner.height > 100 && inner.bottom <= outer.bottom + 1 && inner.right <= outer.right + 1;
}"""


def test_the_banner_holds_all_that_it_says(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    for name, style in LAYOUTS.items():
        body = "<body><nav>Menu</nav><aside>Filters</aside><main>Goods</main>"
        (shop / f"{name}.html").write_text(f"<!doctype html><title>{name}</title><style>{style}</style>{body}")
    with (
        internet() as around,
        file_server(shop) as direct,
        consentry(direct, tmp_path) as proxied,
        playwright() as running,
        chromium(running, around.flags) as context,
    ):
        page = context.new_page()
        for name in LAYOUTS:
            page.goto(f"{proxied}/{name}.html")
            assert page.evaluate(HELD), name
            for choice in ("accept", "reject"):
                page.locator(f"button[value={choice}]").click(trial=True)
