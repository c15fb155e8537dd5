"""Which frames of real embed codes get a placeholder, and what of social networks is never touched."""

from __future__ import annotations

import pytest

from tests.html.pages import everything, page_of, reports, rewrite, without_names

#: The address in an embed code as sites hand it out -> the vendor whose placeholder stands in its place.
FRAMES = [
    ("https://www.youtube.com/embed/dQw4w9WgXcQ?si=a", "youtube"),
    ("https://www.youtube.com/embed/videoseries?list=PL1", "youtube"),
    ("//www.youtube-nocookie.com/embed/dQw4w9WgXcQ", "youtube"),
    ("https://www.youtubeeducation.com/embed/dQw4w9WgXcQ", "youtube"),
    ("https://www.youtube.com/live_chat?v=x&embed_domain=shop.example", "youtube"),
    ("https://player.vimeo.com/video/702039639?h=1", "vimeo"),
    ("https://vimeo.com/showcase/7008490/embed", "vimeo"),
    ("https://vimeo.com/event/1/embed/interaction", "vimeo"),
    ("https://www.dailymotion.com/embed/video/x8", "dailymotion"),
    ("https://geo.dailymotion.com/player.html?video=x8", "dailymotion"),
    ("https://geo.dailymotion.com/player/x1.html?video=x8", "dailymotion"),
    ("https://player.twitch.tv/?channel=a&parent=shop.example", "twitch"),
    ("https://clips.twitch.tv/embed?clip=a&parent=shop.example", "twitch"),
    ("https://www.twitch.tv/embed/a/chat?parent=shop.example", "twitch"),
    ("https://fast.wistia.net/embed/iframe/abc?seo=true", "wistia"),
    ("https://rutube.ru/play/embed/abc/", "rutube"),
    ("https://player.bilibili.com/player.html?bvid=B1", "bilibili"),
    ("https://players.brightcove.net/1/default_default/index.html?videoId=1", "brightcove"),
    ("https://play.vidyard.com/abc", "vidyard"),
    ("https://www.loom.com/embed/abc", "loom"),
    ("https://streamable.com/e/abc", "streamable"),
    ("https://archive.org/embed/abc", "internet-archive"),
    ("https://ok.ru/videoembed/1", "odnoklassniki"),
    ("https://www.instagram.com/p/Cx/embed/captioned/?cr=1", "instagram"),
    ("https://www.instagram.com/shop/reel/Cx/embed/", "instagram"),
    ("https://platform.twitter.com/embed/Tweet.html?id=1", "x"),
    ("https://platform.twitter.com/widgets/tweet_button.html#url=x", "x"),
    ("https://syndication.twitter.com/srv/timeline-profile/screen-name/shop", "x"),
    ("https://www.facebook.com/plugins/post.php?href=x&width=500", "facebook"),
    ("https://www.facebook.com/plugins/video.php?href=x", "facebook"),
    ("https://www.facebook.com/plugins/page.php?href=x&tabs=timeline", "facebook"),
    ("https://www.facebook.com/v18.0/plugins/comments.php?href=x", "facebook"),
    ("https://www.facebook.com/video/embed?video_id=1", "facebook"),
    ("https://vk.com/video_ext.php?oid=-1&id=2&hash=3", "vk"),
    ("https://vkvideo.ru/video_ext.php?oid=-1&id=2", "vk"),
    ("//vk.com/widget_community.php?gid=1", "vk"),
    ("https://www.tiktok.com/embed/v2/7123", "tiktok"),
    ("https://www.tiktok.com/player/v1/7123", "tiktok"),
    ("https://assets.pinterest.com/ext/embed.html?id=1", "pinterest"),
    ("https://embed.reddit.com/r/a/comments/b/c/?embed=true", "reddit"),
    ("https://www.redditmedia.com/r/a/comments/b/c/?ref_source=embed", "reddit"),
    ("https://www.threads.net/@shop/post/C1/embed/", "threads"),
    ("https://embed.bsky.app/embed/did:plc:a/app.bsky.feed.post/b", "bluesky"),
    ("https://t.me/shop/12?embed=1&mode=tme", "telegram"),
    ("https://www.linkedin.com/embed/feed/update/urn:li:share:1", "linkedin"),
    ("https://embed.tumblr.com/embed/post/a/b/1", "tumblr"),
    ("https://giphy.com/embed/abc", "giphy"),
    ("https://open.spotify.com/embed/track/1?utm_source=generator", "spotify"),
    ("https://creators.spotify.com/pod/show/a/embed/episodes/b", "spotify"),
    ("https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/1", "soundcloud"),
    ("https://embed.music.apple.com/us/album/a/1", "apple-music"),
    ("https://embed.podcasts.apple.com/us/podcast/a/id1", "apple-music"),
    ("https://widget.deezer.com/widget/dark/album/1", "deezer"),
    ("https://www.mixcloud.com/widget/iframe/?feed=x", "mixcloud"),
    ("https://player-widget.mixcloud.com/widget/iframe/?feed=x", "mixcloud"),
    ("https://bandcamp.com/EmbeddedPlayer/album=1/size=large/", "bandcamp"),
    ("https://embed.acast.com/a/b", "acast"),
    ("https://html5-player.libsyn.com/embed/episode/id/1/", "libsyn"),
    ("https://www.buzzsprout.com/1/2?client_source=small_player&iframe=true", "buzzsprout"),
    ("https://www.google.com/maps/embed?pb=!1m18!1m12", "google-maps"),
    ("https://www.google.com/maps/embed/v1/place?key=a&q=Berlin", "google-maps"),
    ("https://www.google.com/maps/d/u/1/embed?mid=1", "google-maps"),
    ("https://maps.google.com/maps?q=Berlin&t=&z=13&ie=UTF8&iwloc=&output=embed", "google-maps"),
    ("https://maps.google.de/maps?q=Berlin&output=embed", "google-maps"),
    ("https://www.google.fr/maps/embed?pb=!1m18", "google-maps"),
    ("https://www.openstreetmap.org/export/embed.html?bbox=1%2C2%2C3%2C4&layer=mapnik", "openstreetmap"),
    ("https://umap.openstreetmap.fr/en/map/a_1?scaleControl=false", "openstreetmap"),
    ("https://yandex.ru/map-widget/v1/?um=constructor%3A1", "yandex-maps"),
    ("https://yandex.com/map-widget/v1/?ll=1%2C2", "yandex-maps"),
    ("https://www.bing.com/maps/embed?h=400&w=500&cp=1~2", "bing-maps"),
    ("https://api.mapbox.com/styles/v1/mapbox/streets-v11.html?access_token=x", "mapbox"),
    ("https://embed.waze.com/iframe?zoom=16&lat=1&lon=2", "waze"),
    ("https://widgets.2gis.com/widget?type=firmsonmap", "2gis"),
    ("https://calendly.com/shop/30min?embed_domain=shop.example&embed_type=Inline", "calendly"),
    ("https://shop.typeform.com/to/abc?typeform-embed=embed-widget", "typeform"),
    ("https://form.typeform.com/to/abc", "typeform"),
    ("https://form.jotform.com/1234567890", "jotform"),
    ("https://docs.google.com/forms/d/e/1F/viewform?embedded=true", "google-docs"),
    ("https://docs.google.com/presentation/d/e/2P/embed?start=false", "google-docs"),
    ("https://docs.google.com/spreadsheets/d/e/2P/pubhtml?widget=true", "google-docs"),
    ("https://docs.google.com/document/d/e/2P/pub?embedded=true", "google-docs"),
    ("https://docs.google.com/gview?url=https://shop.example/a.pdf&embedded=true", "google-docs"),
    ("https://drive.google.com/file/d/1/preview", "google-docs"),
    ("https://calendar.google.com/calendar/embed?src=a", "google-docs"),
    ("https://forms.office.com/Pages/ResponsePage.aspx?id=1&embed=true", "microsoft-forms"),
    ("https://www.surveymonkey.com/r/embed/ABC", "surveymonkey"),
    ("https://airtable.com/embed/shr1", "airtable"),
    ("https://www.eventbrite.com/checkout-external?eid=1", "eventbrite"),
    ("https://www.opentable.com/widget/reservation/canvas?rid=1", "opentable"),
    ("https://meetings.hubspot.com/shop?embed=true", "hubspot"),
    ("https://e.issuu.com/embed.html?d=a&u=b", "issuu"),
    ("https://www.slideshare.net/slideshow/embed_code/key/abc", "slideshare"),
    ("https://www.scribd.com/embeds/1/content", "scribd"),
    ("https://prezi.com/p/embed/abc/", "prezi"),
    ("https://www.canva.com/design/D1/view?embed", "canva"),
    ("https://codepen.io/shop/embed/abc?default-tab=result", "codepen"),
    ("https://sketchfab.com/models/abc/embed", "sketchfab"),
    ("https://my.matterport.com/show/?m=abc", "matterport"),
    ("https://www.tripadvisor.com/WidgetEmbed-selfserveprop?locationId=1", "tripadvisor"),
    ("https://abc.elf.site", "elfsight"),
    ("https://disqus.com/embed/comments/?base=default", "disqus"),
    ("https://iframe.videodelivery.net/abc", "cloudflare-stream"),
    ("https://cdn.jwplayer.com/players/abc-def.html", "jwplayer"),
    ("https://video.wordpress.com/embed/abc?cover=1", "wordpress-com"),
    ("https://embedr.flickr.com/photos/1", "flickr"),
    ("https://player.gotolstoy.com/abc", "tolstoy"),
    ("https://widget.trustpilot.com/trustboxes/5419b6/index.html", "trustpilot"),
    ("https://apis.google.com/u/0/_/widget/render/follow", "google-platform"),
]

#: What a visitor starts: signing in at, sharing to and going to a network. (A `#` or `javascript:` contacts nobody.)
STARTED = [
    "https://www.facebook.com/dialog/oauth?client_id=1&redirect_uri=https%3A%2F%2Fshop.example%2Fback",
    "https://www.facebook.com/v19.0/dialog/oauth?client_id=1",
    "https://accounts.google.com/o/oauth2/v2/auth?client_id=1&response_type=code",
    "https://appleid.apple.com/auth/authorize?client_id=1",
    "https://api.twitter.com/oauth/authenticate?oauth_token=1",
    "https://x.com/i/oauth2/authorize?client_id=1",
    "https://www.linkedin.com/oauth/v2/authorization?client_id=1",
    "https://oauth.vk.com/authorize?client_id=1",
    "https://id.vk.com/authorize?client_id=1",
    "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=1",
    "https://kauth.kakao.com/oauth/authorize?client_id=1",
    "https://oauth.yandex.ru/authorize?client_id=1",
    "https://www.amazon.com/ap/oa?client_id=1",
    "https://api.instagram.com/oauth/authorize?client_id=1",
    "https://www.tiktok.com/v2/auth/authorize/?client_key=1",
    "https://www.facebook.com/sharer/sharer.php?u=https%3A%2F%2Fshop.example%2F",
    "https://www.youtube.com/embed/dQw4w9WgXcQ",
]


@pytest.mark.parametrize(("url", "key"), FRAMES)
def test_the_frame_of_an_embed_code_gets_a_placeholder(url: str, key: str) -> None:
    markup = f'<iframe src="{url.replace("&", "&amp;")}" width="560"></iframe>'
    (told,) = reports(markup)
    assert (told.vendor, told.action.value) == (key, "placeholder")
    assert f'src="https://shop.example/_consent/embed/{key}?return_to='.encode() in rewrite(markup)
    assert without_names(rewrite(markup, page_of(key))) == markup.encode()


def test_no_vendor_with_embeds_is_forgotten_here() -> None:
    assert {key for key, vendor in everything().vendors.items() if vendor.technical.embed} == {key for _, key in FRAMES}


#: An element as embed codes have it, of which the vendor's script makes the embed -> the vendor.
WIDGETS = [
    ('<blockquote class="twitter-tweet" data-lang="en"><p>Said</p></blockquote>', "x"),
    ('<blockquote class="twitter-video" data-lang="en"></blockquote>', "x"),
    ('<a class="twitter-timeline" href="https://twitter.com/shop?ref_src=twsrc">Posts by shop</a>', "x"),
    (
        '<blockquote class="instagram-media" data-instgrm-permalink="https://www.instagram.com/p/C/"></blockquote>',
        "instagram",
    ),
    ('<div class="fb-post" data-href="https://www.facebook.com/a/posts/1"></div>', "facebook"),
    ('<div class="fb-page" data-href="https://www.facebook.com/shop"></div>', "facebook"),
    ('<div class="fb-comments" data-href="https://shop.example/"></div>', "facebook"),
    ('<fb:comments href="https://shop.example/"></fb:comments>', "facebook"),
    ('<blockquote class="tiktok-embed" cite="https://www.tiktok.com/@a/video/1"></blockquote>', "tiktok"),
    ('<a data-pin-do="embedPin" href="https://www.pinterest.com/pin/1/"></a>', "pinterest"),
    ('<a data-pin-do="embedBoard" href="https://www.pinterest.com/a/b/"></a>', "pinterest"),
    ('<blockquote class="reddit-embed-bq" style="height:500px"></blockquote>', "reddit"),
    ('<div class="tumblr-post" data-href="https://embed.tumblr.com/embed/post/a/1"></div>', "tumblr"),
    ('<a data-flickr-embed="true" href="https://www.flickr.com/photos/a/1"></a>', "flickr"),
    (
        '<blockquote class="text-post-media" data-text-post-permalink="https://www.threads.net/t/a"></blockquote>',
        "threads",
    ),
    ('<blockquote class="bluesky-embed" data-bluesky-uri="at://did:plc:a/b/c"></blockquote>', "bluesky"),
    ('<div id="disqus_thread"></div>', "disqus"),
    ('<div class="calendly-inline-widget" data-url="https://calendly.com/a/b"></div>', "calendly"),
    ('<div data-tf-live="01H"></div>', "typeform"),
    ('<div data-tf-widget="abc"></div>', "typeform"),
    ('<div class="meetings-iframe-container" data-src="https://meetings.hubspot.com/a?embed=true"></div>', "hubspot"),
    ('<div class="trustpilot-widget" data-template-id="5419b6"></div>', "trustpilot"),
    ('<gmp-map center="1,2" zoom="4"></gmp-map>', "google-maps"),
    ('<div class="yotpo yotpo-main-widget" data-product-id="1"></div>', "yotpo"),
    ('<div class="elfsight-app-0e1f" data-elfsight-app-lazy></div>', "elfsight"),
    ('<div id="TA_selfserveprop1" class="TA_selfserveprop"></div>', "tripadvisor"),
    ('<div id="eventbrite-widget-container-123"></div>', "eventbrite"),
    ('<p class="codepen" data-height="300" data-slug-hash="abc" data-user="a"></p>', "codepen"),
    ('<div class="wistia_embed wistia_async_abc"></div>', "wistia"),
    ('<wistia-player media-id="abc"></wistia-player>', "wistia"),
    ('<video-js data-account="1" data-video-id="2"></video-js>', "brightcove"),
    ('<div data-spotim-module="conversation" data-post-id="1"></div>', "spot-im"),
    ('<div data-bv-show="reviews" data-bv-product-id="1"></div>', "bazaarvoice"),
    ('<div id="stamped-main-widget" data-product-id="1"></div>', "stamped"),
    ('<lite-youtube videoid="dQw4w9WgXcQ"></lite-youtube>', "youtube"),
    ('<lite-vimeo videoid="1"></lite-vimeo>', "vimeo"),
    ('<div class="dailymotion-player" data-video="x8"></div>', "dailymotion"),
]


@pytest.mark.parametrize(("markup", "key"), WIDGETS)
def test_what_a_script_would_make_an_embed_of_gets_a_placeholder(markup: str, key: str) -> None:
    after = rewrite(markup).decode()
    assert after.startswith(f'<iframe src="https://shop.example/_consent/embed/{key}?return_to=')
    assert rewrite(markup, page_of(key)).decode() == markup


def test_no_vendor_with_widgets_is_forgotten_here() -> None:
    assert {key for key, one in everything().vendors.items() if one.technical.widgets} == {key for _, key in WIDGETS}


@pytest.mark.parametrize("url", STARTED)
@pytest.mark.parametrize(
    "markup",
    [
        '<a class="btn fb-login" href="{}">Sign in</a>',
        '<a href="{}" target="_blank" rel="noopener">Sign in</a>',
        '<form method="post" action="{}"><button>Sign in</button></form>',
        '<form action="/login"><button formaction="{}">Sign in</button></form>',
        '<svg><a href="{}"><text>Sign in</text></a></svg>',
        '<map name="m"><area href="{}"></map>',
    ],
)
def test_what_a_visitor_starts_is_left_alone(url: str, markup: str) -> None:
    page = markup.format(url.replace("&", "&amp;"))
    assert rewrite(page).decode() == page
    assert rewrite(page, page_of(unknown="block")).decode() == page
