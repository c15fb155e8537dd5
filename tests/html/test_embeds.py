"""Which embed is which: the same number whatever is granted, and an id where there is none to come back to."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.consent.form import return_path
from tests.html.pages import page_of, rewrite, without_names

TUBE = '<iframe src="https://www.youtube.com/embed/a"></iframe>'
MAP = "<iframe src=https://www.google.com/maps/embed?pb=1></iframe>"
FILM = "<iframe title=Film src='https://player.vimeo.com/video/1' id='film'></iframe>"
PAGE = f"<html><body><p>{TUBE}</p>{MAP}<noscript>{TUBE}</noscript><iframe src=/own></iframe>{FILM}{TUBE}</body></html>"


def asking(**more: Any) -> Any:
    """A page that gets a footer, as after a choice."""
    return {"footer": lambda _: b"<p>footer</p>", **more}


def spots(body: bytes) -> list[tuple[str, str | None]]:
    """The frames of an embed or of ours, by where they lead, and their ids."""
    frames = LexborHTMLParser(body.replace(b"noscript>", b"div>")).css("iframe")
    found = [(urlsplit(frame.attributes["src"] or ""), frame.attributes.get("id")) for frame in frames]
    return [(url.path.rpartition("/")[2] if "/_consent/" in url.path else url.netloc, own) for url, own in found]


def test_every_embed_has_a_spot_of_its_own() -> None:
    assert spots(rewrite(PAGE)) == [
        ("youtube", "consentry-embed-1"),
        ("google-maps", "consentry-embed-2"),
        ("youtube", "consentry-embed-3"),
        ("", None),
        ("vimeo", "film"),
        ("youtube", "consentry-embed-5"),
    ]


@pytest.mark.parametrize("size", [1, 7, 1 << 30])
def test_an_embed_that_was_allowed_stands_where_its_placeholder_stood(size: int) -> None:
    after = rewrite(PAGE, page_of("youtube", **asking()), size)
    assert spots(after) == [
        ("www.youtube.com", "consentry-embed-1"),
        ("google-maps", "consentry-embed-2"),
        ("www.youtube.com", "consentry-embed-3"),
        ("", None),
        ("vimeo", "film"),
        ("www.youtube.com", "consentry-embed-5"),
    ]


def test_where_nothing_is_put_in_a_name_is_all_that_a_granted_frame_gets() -> None:
    assert without_names(rewrite(PAGE, page_of(all_granted=True))).decode() == PAGE


def test_a_name_and_an_id_are_all_that_a_granted_frame_gets() -> None:
    after = without_names(rewrite(PAGE, page_of(all_granted=True, **asking()))).decode()
    assert after.replace("<p>footer</p>", "") != PAGE
    assert re.sub(r' id="consentry-embed-\d"', "", after.replace("<p>footer</p>", "")) == PAGE


def test_frames_have_other_names_once_their_vendor_is_granted() -> None:
    """Else browsers would restore the one as the other, on Back."""
    page = f'<p>{TUBE}<iframe src="//www.youtube.com/embed/b" name=""></iframe></p>'
    held, granted = rewrite(page), rewrite(page, page_of("youtube"))
    assert names(held) == ["consentry-3", "consentry-58"]
    assert names(granted) == ["consentry-granted-3", "consentry-granted-58"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<object data=//www.youtube.com/v/a>", '<object data=//www.youtube.com/v/a name="consentry-granted-0">'),
        ("<embed src=//www.youtube.com/v/a>", '<embed src=//www.youtube.com/v/a name="consentry-granted-0">'),
        (
            '<iframe src="//www.youtube.com/embed/a" data-src="//www.youtube.com/embed/b">',
            '<iframe src="//www.youtube.com/embed/a" name="consentry-granted-0" data-src="//www.youtube.com/embed/b">',
        ),
    ],
)
def test_whatever_holds_a_document_gets_one_name(before: str, after: str) -> None:
    assert rewrite(before, page_of("youtube")).decode() == after


def names(body: bytes) -> list[str | None]:
    return [frame.attributes.get("name") for frame in LexborHTMLParser(body).css("iframe")]


@pytest.mark.parametrize(
    "frame",
    [
        '<iframe src="//www.youtube.com/embed/b" name="film"></iframe>',
        '<iframe src="/own"></iframe>',
        '<iframe src="https://js.stripe.com/v3/m-outer"></iframe>',
        '<iframe src="https://blog.example/post"></iframe>',
    ],
    ids=["named", "own", "essential", "unknown"],
)
def test_frames_that_have_a_name_or_were_never_asked_about_keep_theirs(frame: str) -> None:
    assert rewrite(frame, page_of(all_granted=True)).decode() == frame


@pytest.mark.parametrize(
    ("attributes", "back"),
    [
        ("", "/catalogue/shoes?size=42#consentry-embed-1"),
        ("id=film", "/catalogue/shoes?size=42#film"),
        ("ID='fi&#108;m'", "/catalogue/shoes?size=42#film"),
        ("id", "/catalogue/shoes?size=42"),
        ('id="a b"', "/catalogue/shoes?size=42"),
        ('id=":~:text=a"', "/catalogue/shoes?size=42"),
        ("id=" + "a" * 101, "/catalogue/shoes?size=42"),
    ],
)
def test_the_placeholder_knows_the_way_back(attributes: str, back: str) -> None:
    after = rewrite(f'<iframe src="//www.youtube.com/embed/a" {attributes}></iframe>')
    (frame,) = LexborHTMLParser(after).css("iframe")
    (way_back,) = parse_qs(urlsplit(frame.attributes["src"] or "").query)["return_to"]
    assert way_back == back == return_path(way_back, "/_consent")
    assert after.count(b" id=") + after.count(b" ID=") <= 1


def test_an_embed_that_two_attributes_name_is_one() -> None:
    frame = '<iframe src="//www.youtube.com/embed/a" data-src="//www.youtube.com/embed/a"></iframe>'
    after = rewrite(frame + TUBE)
    assert after.count(b'id="consentry-embed-1"') == 1
    assert after.count(b'%23consentry-embed-1"') == 2
    assert after.count(b"name=") == 2
    assert after.count(b'id="consentry-embed-2"') == 1
    granted = rewrite(frame + TUBE, page_of("youtube", **asking()))
    assert granted.count(b'id="consentry-embed-1"') == 1


def test_no_fragment_leads_into_a_document_in_a_document() -> None:
    after = rewrite('<iframe srcdoc="<iframe src=//www.youtube.com/embed/a></iframe>"></iframe>' + TUBE)
    assert after.count(b"consentry-embed-1") == 2
    assert after.index(b"consentry-embed-1") > after.index(b"</iframe>")
