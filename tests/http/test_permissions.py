"""Which of a browser's advertising features a page is denied."""

from __future__ import annotations

import pytest

from proxy.http.permissions import no_advertising

CHROMIUM = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "all_of_them"),
    [
        (b"", True),
        (b"Mozilla/5.0 Firefox/150.0", True),
        (CHROMIUM % 130, True),
        (CHROMIUM % 156, False),
        (CHROMIUM.replace(b"Chrome", b"HeadlessChrome") % 156, False),
    ],
)
def test_a_browser_is_told_the_names_that_it_knows(user_agent: bytes, all_of_them: bool) -> None:
    members = no_advertising(user_agent).split(b", ")
    assert b"browsing-topics=()" in members
    assert (b"attribution-reporting=()" in members) is all_of_them
    assert all(member.endswith(b"=()") for member in members)
