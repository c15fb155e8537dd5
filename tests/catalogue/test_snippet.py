"""Vendors' own snippets, as shops paste them -> the start of a vendor file that says what is left to fill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.load import catalogue_of, describe, load_only
from proxy.catalogue.snippet import described_in, start_vendor
from tests.catalogue.vendors import vendor

QUEUE = """<script>
  var _acq = window._acq = window._acq || [];
  _acq.push(['trackPageView']);
  (function() {
    var u="//cdn.acme.example.com/";
    var d=document, g=d.createElement('script'), s=d.getElementsByTagName('script')[0];
    g.async=true; g.src=u+'acme.js'; s.parentNode.insertBefore(g,s);
  })();
</script>"""
PIXEL = """<script>
!function(f,b,e,v,n,t,s){if(f.acp)return;n=f.acp=function(){n.callMethod?
n.callMethod.apply(n,arguments):n.queue.push(arguments)};if(!f._acp)f._acp=n;n.push=n;n.loaded=!0;n.version='2.0';
n.queue=[];t=b.createElement(e);t.async=!0;t.src=v;s=b.getElementsByTagName(e)[0];
s.parentNode.insertBefore(t,s)}(window, document,'script','https:\\/\\/connect.acme.co.uk\\/en_US\\/events.js');
acp('init', '123456789');
acp('track', 'PageView');
</script>
<noscript><img height="1" src="https://www.acme.co.uk/tr?id=123456789&amp;ev=PageView"/></noscript>"""
TAG = """<script async src="https://tags.acme.com/c/AB12CD34EF/tag.js?id=1"></script>
<script>
  window.acmeLayer = window.acmeLayer || [];
  function acme(){acmeLayer.push(arguments);}
  acme('config', 'AB12CD34EF');
  window["acmeReady"] = function () {};
</script>"""
OLD = """<script>(function() { var s = document.createElement('script');
s.src = ('https:' == location.protocol ? 'https://ssl' : 'http://www') + '.acme-stats.com/a.js'; })();</script>"""
BARE = "Acme.init('abc', {host: 'https://eu.i.acme.com'}); navigator.sendBeacon('https://in.acme.com/b');"
FRAME = '<iframe src="https://player.acme.com/embed/dQw4w9WgXcQ?rel=0" allowfullscreen></iframe>'
MIXED = (
    '<link rel="stylesheet" href="https://cdn.acme.com/a.css"><script>new Image().src = "https://p.acme.com/x";'
    'fetch("https://api.acme.com/v1");</script><img src="/own.gif"><script src="data:,x"></script>'
)

NOTHING = catalogue_of([])


def _technical(snippet: str | None, tmp_path: Path) -> dict[str, Any]:
    document = describe(tmp_path / "acme.toml", start_vendor("acme", snippet, NOTHING)).document
    technical: dict[str, Any] = document["technical"]
    return technical


@pytest.mark.parametrize(
    ("snippet", "found"),
    [
        (
            QUEUE,
            {
                "match": ["example.com"],
                "stub": {"_acq": "array"},
                "snippet": ["_acq.push"],
                "relay": {"script": ["cdn.acme.example.com/"], "image": [], "beacon": []},
            },
        ),
        (
            PIXEL,
            {
                "match": ["acme.co.uk"],
                "stub": {"acp": "function"},
                "snippet": ["acp('init'", "acp('track'"],
                "relay": {
                    "script": ["connect.acme.co.uk/en_US/events.js"],
                    "image": ["www.acme.co.uk/tr"],
                    "beacon": [],
                },
            },
        ),
        (
            TAG,
            {
                "match": ["acme.com"],
                "stub": {"acmeLayer": "array", "acme": "function", "acmeReady": "function"},
                "snippet": ["acme('config'", "acmeLayer.push"],
                "relay": {"script": ["tags.acme.com/c/*/tag.js"], "image": [], "beacon": []},
            },
        ),
        (OLD, {"match": ["acme-stats.com"], "relay": {"script": ["acme-stats.com/a.js"], "image": [], "beacon": []}}),
        (
            BARE,
            {
                "match": ["acme.com"],
                "stub": {"Acme": "object"},
                "snippet": ["Acme.init("],
                "relay": {"script": [], "image": [], "beacon": ["eu.i.acme.com/", "in.acme.com/b"]},
            },
        ),
        (FRAME, {"match": ["acme.com"], "embed": ["player.acme.com/embed/*"]}),
        (
            MIXED,
            {
                "match": ["acme.com"],
                "relay": {
                    "script": [],
                    "style": ["cdn.acme.com/a.css"],
                    "image": ["p.acme.com/x"],
                    "beacon": ["api.acme.com/v1"],
                },
            },
        ),
        (None, {"match": [], "stub": {}, "relay": {"script": [], "image": [], "beacon": []}}),
    ],
)
def test_what_a_snippet_gives_away(snippet: str | None, found: dict[str, Any], tmp_path: Path) -> None:
    assert _technical(snippet, tmp_path) == found


#: What people fill in, by the line that is there before.
FILLED = {
    'name = ""': 'name = "Acme"',
    'company = ""': 'company = "Acme Ltd"',
    "categories = []": 'categories = ["marketing"]',
    "purposes = []": 'purposes = ["chat"]',
    "data = []": 'data = ["page", "DATUM"]',
    'role = ""': 'role = "joint"',
    "to = []": 'to = ["US"]',
    'basis = ""': 'basis = "scc"',
    'retention = ""': 'retention = "1 year"',
    'policy = ""': 'policy = "https://acme.com/privacy"',
    'checked = ""': "checked = 2026-11-22",
    "match = []": 'match = ["acme.com"]',
}


@pytest.mark.parametrize("snippet", [QUEUE, PIXEL, TAG, OLD, BARE, FRAME, MIXED, None])
def test_each_field_to_fill_is_named_with_its_line_and_filled_in_it_loads(snippet: str | None, tmp_path: Path) -> None:
    text = start_vendor("acme", snippet, NOTHING)
    lines = text.splitlines()
    told = {(problem.line, problem.key) for problem in describe(tmp_path / "acme.toml", text).problems}
    for empty in FILLED:
        found = [
            number for number, line in enumerate(lines, 1) if re.match(rf"(transfer = .*)?{re.escape(empty)}", line)
        ]
        key = empty.partition(" ")[0]
        dotted = {"to": "transfer.to", "basis": "transfer.basis", "match": "technical.match"}.get(key, key)
        if key != "match" or snippet is None:
            assert (found[0], dotted) in told
    assert len(told) == (len(FILLED) if snippet is None else len(FILLED) - 1)
    for empty, filled in FILLED.items():
        text = re.sub(rf"(?m)^(transfer = .*)?{re.escape(empty)}", rf"\g<1>{filled}", text)
    text = text.replace("DATUM", "full-ip" if 'reach = "direct"' in text else "short-ip")
    (tmp_path / "acme.toml").write_text(text, encoding="utf-8")
    assert set(load_only([tmp_path]).vendors) == {"acme"}


def test_a_snippet_of_a_described_vendor_says_so() -> None:
    catalogue = catalogue_of([vendor("known", ["acme.co.uk"])])
    assert described_in(PIXEL, catalogue) == ("known",)
    text = start_vendor("acme", PIXEL, catalogue)
    assert "DESCRIBED ALREADY: this snippet contacts 'known'" in text
    assert "match = []" in text
    assert described_in(QUEUE, catalogue) == ()
    assert "DESCRIBED ALREADY" not in start_vendor("acme", QUEUE, catalogue)


def test_a_domain_that_others_use_too_is_claimed_by_its_path_only(tmp_path: Path) -> None:
    catalogue = catalogue_of([vendor("known", ["tags.acme.com/known"])])
    document = describe(tmp_path / "new.toml", start_vendor("new", TAG, catalogue)).document
    assert document["technical"]["match"] == ["tags.acme.com/c/*/tag.js"]


_TAGS = "<script> </script> <img src= \" ' ` // https: .acme.com /x ?a=1".split()
_CODE = "window. x = || [] {} ( ) => ; $ \\ function ä".split()


@given(st.lists(st.sampled_from([*_TAGS, *_CODE, " ", "\n", "'https://a.acme.com/x'", "//1.2.3.4/"])).map("".join))
def test_any_text_gives_a_file_that_can_be_read(snippet: str) -> None:
    described = describe(Path("acme.toml"), start_vendor("acme", snippet, NOTHING))
    assert all(problem.line for problem in described.problems)
    assert not any(problem.key in ("technical.stub", "technical.embed") for problem in described.problems)


@pytest.mark.parametrize("piece", ["x.", "a=a||", "'//", "function(", "window.", "[[", "a.example/"])
def test_long_snippets_are_read_in_passing(piece: str) -> None:
    """Quadratic reading would run into the suite's time limit here."""
    start_vendor("acme", f"<script>{piece * 20_000}</script>", NOTHING)
