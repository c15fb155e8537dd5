"""Elements that a vendor's script would turn into an embed: a placeholder before them, and nothing else changed."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.model import Action
from tests.html.pages import page_of, reports, rewrite, without_placeholders

TWEET = '<blockquote class="twitter-tweet"><p>Said <a href="https://twitter.com/a/status/1">then</a></p></blockquote>'
COMMENTS = '<div id="disqus_thread"><p>Loading</p></div>'
PAGE = f"<html><body><p>One</p>{TWEET}<p>Two</p>{COMMENTS}<p>Three</p>{TWEET}</body></html>"


def placeholders(body: bytes) -> list[tuple[str, str | None]]:
    """The vendor and the id of each placeholder."""
    frames = LexborHTMLParser(body).css("iframe[src*='/_consent/embed/']")
    return [
        ((frame.attributes["src"] or "").partition("/embed/")[2].partition("?")[0], frame.attributes.get("id"))
        for frame in frames
    ]


@pytest.mark.parametrize("size", [1, 5, 61, 1 << 30])
def test_each_has_a_placeholder_before_it_and_stays_as_it_is(size: int) -> None:
    after = rewrite(PAGE, size=size)
    assert placeholders(after) == [("x", "consentry-embed-1"), ("disqus", None), ("x", "consentry-embed-3")]
    assert without_placeholders(after).decode() == PAGE
    assert b"%23disqus_thread" in after


def test_the_placeholder_says_whose_it_is_and_fills_the_column() -> None:
    (frame,) = LexborHTMLParser(rewrite(TWEET)).css("iframe")
    assert (frame.attributes["title"], frame.attributes["width"]) == ("X (Twitter)", "100%")
    assert frame.next is not None
    assert frame.next.tag == "blockquote"


def test_once_allowed_it_is_what_the_way_back_leads_to() -> None:
    granted = page_of("x", footer=lambda _: b"")
    after = rewrite(PAGE, granted)
    assert placeholders(after) == [("disqus", None)]
    found = LexborHTMLParser(after).css("blockquote")
    assert [one.attributes.get("id") for one in found] == ["consentry-embed-1", "consentry-embed-3"]


def test_where_nothing_is_put_in_what_is_kept_is_left_as_it_is() -> None:
    assert rewrite(PAGE, page_of(all_granted=True)).decode() == PAGE


def test_it_counts_with_the_frames_of_the_page() -> None:
    tube = '<iframe src="https://www.youtube.com/embed/a"></iframe>'
    found = placeholders(rewrite(tube + TWEET + tube))
    assert found == [("youtube", "consentry-embed-1"), ("x", "consentry-embed-2"), ("youtube", "consentry-embed-3")]


@pytest.mark.parametrize(
    "tag",
    [
        "<DIV CLASS='fb-post'>",
        "<div\nclass = fb-post\tdata-href='https://www.facebook.com/a/posts/1'>",
        '<div title="a < b > c" class="wide fb-post x">',
        '<div data-a="<div" class="fb-post" >',
        "<fb:post href=x>",
        '<div class="fb-post"/>',
    ],
)
def test_however_it_is_written(tag: str) -> None:
    assert placeholders(rewrite(f"<p>a<b>b</b>{tag}</div><p class=c>d")) == [("facebook", "consentry-embed-1")]


@pytest.mark.parametrize(
    "markup",
    [
        '<!-- <div class="fb-post"></div> -->',
        "<script>document.body.innerHTML = '<div class=\"fb-post\"></div>'</script>",
        "<textarea><div class=fb-post></textarea>",
        "<p>fb-post</p><b title=fb-post>a</b><i class=fb-posts>b</i>",
        '<div class="fb-postcard"></div><span id="fb-post"></span>',
        '<body class="fb-post"><input class="fb-post"><table><tr class="fb-post"><td class="fb-post">',
        '<div class="fb-like" data-href="x"></div><div class="fb-login-button"></div><div class="g-signin2"></div>',
        '<a class="twitter-share-button" href="https://twitter.com/share">Tweet</a>',
        '<a class="twitter-follow-button" href="https://twitter.com/shop">Follow</a>',
        '<a data-pin-do="buttonPin" href="https://www.pinterest.com/pin/create/button/"></a>',
    ],
)
def test_what_is_none_is_left_alone(markup: str) -> None:
    assert rewrite(markup).decode() == markup


def test_it_goes_behind_the_banner() -> None:
    after = rewrite(TWEET, page_of(banner=lambda _: b"<section>ask</section>")).decode()
    assert after.startswith("<section>ask</section><iframe ")
    assert after.endswith(TWEET)


def test_an_operator_who_allows_the_vendors_host_allows_its_embeds() -> None:
    assert rewrite(TWEET, page_of(allow=frozenset({"platform.twitter.com"}))).decode() == TWEET


def test_it_is_told_of() -> None:
    (told,) = reports(f"<p>One</p>{TWEET}")
    assert (told.offset, told.element, told.vendor, told.action) == (10, "blockquote widget", "x", Action.PLACEHOLDER)
    assert told.url == "https://platform.twitter.com/"


def test_a_frame_that_is_one_already_has_one_placeholder() -> None:
    frame = '<iframe class="fb-post" src="https://www.facebook.com/plugins/post.php?href=x"></iframe>'
    assert len(placeholders(rewrite(frame))) == 1
