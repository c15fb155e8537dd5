"""The shipped vendor files: what holds for each of them, what holds among them, and which real URL belongs to whom."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import chain

import pytest

from proxy.catalogue.load import load, shipped_dir
from proxy.catalogue.match import Destination, Match, Matcher, embeds, relays
from proxy.catalogue.schema import Vendor
from proxy.catalogue.url import split_url
from proxy.catalogue.words import Purpose
from proxy.model import Category, Reach
from tests.catalogue.vendors import sample

CATALOGUE = load()
VENDORS = list(CATALOGUE.vendors.values())
MATCHER = Matcher(VENDORS)

#: Settings files, connectors and the demo name these: none may go.
RELIED_ON = """
google-analytics google-ads google-tag-manager meta-pixel x vk instagram youtube vimeo tiktok pinterest linkedin snap
reddit microsoft-ads matomo plausible yandex-metrica hotjar clarity klaviyo mailchimp hubspot
""".split()

#: Without these a shop that blocks the unknown could not sell, or would stand there without its letters and pictures.
ESSENTIAL = """
stripe paypal adyen klarna braintree mollie square amazon-pay google-pay apple-pay riskified signifyd forter sift
hcaptcha turnstile google-fonts adobe-fonts jsdelivr cdnjs unpkg google-hosted-libraries jquery-cdn bootstrapcdn
fontawesome cloudinary imgix shopify-cdn bigcommerce wix squarespace wordpress-cdn
""".split()

#: Vendors that show posts and advertise: one grant for the one does not do for the other.
SOCIAL_AND_ADVERTISING = "facebook instagram x vk tiktok pinterest linkedin reddit".split()

#: URL as it stands in real pages -> the vendor it belongs to.
BELONGS = [
    ("https://www.googletagmanager.com/gtag/js?id=G-SAMPLE", "google-analytics"),
    ("https://www.googletagmanager.com/gtag/js?id=UA-1234567-1", "google-analytics"),
    ("https://www.googletagmanager.com/gtag/js?l=dataLayer&id=GT-SAMPLE", "google-analytics"),
    ("https://www.google-analytics.com/analytics.js", "google-analytics"),
    ("https://ssl.google-analytics.com/ga.js", "google-analytics"),
    ("https://region1.google-analytics.com/g/collect?v=2&tid=G-SAMPLE", "google-analytics"),
    ("https://analytics.google.com/g/collect?v=2", "google-analytics"),
    ("https://www.googletagmanager.com/gtag/js?id=AW-1049150896&l=dataLayer&cx=c", "google-ads"),
    ("https://www.googletagmanager.com/gtag/js?id=DC-9512187", "google-ads"),
    ("https://www.googletagmanager.com/gtag/destination?id=AW-1", "google-ads"),
    ("https://www.googleadservices.com/pagead/conversion_async.js", "google-ads"),
    ("https://googleads.g.doubleclick.net/pagead/viewthroughconversion/1/?random=2", "google-ads"),
    ("https://stats.g.doubleclick.net/dc.js", "google-ads"),
    ("https://6902285.fls.doubleclick.net/activityi;src=6902285;type=2018q0;ord=1?", "google-ads"),
    ("https://ad.doubleclick.net/ddm/activity/src=1;type=a;cat=b", "google-ads"),
    ("https://www.google.com/pagead/1p-user-list/1/?random=2", "google-ads"),
    ("https://www.google.com/ads/ga-audiences?t=sr", "google-ads"),
    ("https://www.google.com/ccm/collect?en=page_view", "google-ads"),
    ("https://www.google.de/ads/ga-audiences?t=sr", "google-ads"),
    ("https://www.google.co.uk/pagead/1p-user-list/1/", "google-ads"),
    ("https://www.googletagmanager.com/gtm.js?id=GTM-SAMPLE", "google-tag-manager"),
    ("https://www.googletagmanager.com/ns.html?id=GTM-SAMPLE", "google-tag-manager"),
    ("https://www.googletagmanager.com/gtag/js?id=", "google-tag-manager"),
    ("//www.googletagmanager.com", "google-tag-manager"),
    ("https://pagead2.googlesyndication.com/pagead/js/adsbygoogle.js?client=ca-pub-1", "google-ad-manager"),
    ("https://securepubads.g.doubleclick.net/tag/js/gpt.js", "google-ad-manager"),
    ("https://www.googletagservices.com/tag/js/gpt.js", "google-ad-manager"),
    ("https://googleads.g.doubleclick.net/pagead/ads?client=ca-pub-1", "google-ad-manager"),
    ("https://a1b2.safeframe.googlesyndication.com/safeframe/1-0-40/html/container.html", "google-ad-manager"),
    ("https://imasdk.googleapis.com/js/sdkloader/ima3.js", "google-ad-manager"),
    ("https://fonts.googleapis.com/css2?family=Inter:wght@400;700&display=swap", "google-fonts"),
    ("https://fonts.gstatic.com/s/inter/v13/x.woff2", "google-fonts"),
    ("//gstaticadssl.l.google.com", "google-fonts"),
    ("https://ajax.googleapis.com/ajax/libs/jquery/3.6.0/jquery.min.js", "google-hosted-libraries"),
    ("https://www.gstatic.com/charts/loader.js", "google-hosted-libraries"),
    ("https://www.google.com/recaptcha/api.js?render=x", "recaptcha"),
    ("https://www.gstatic.com/recaptcha/releases/x/recaptcha__en.js", "recaptcha"),
    ("https://www.recaptcha.net/recaptcha/api.js", "recaptcha"),
    ("https://www.google.com/maps/embed?pb=!1m18", "google-maps"),
    ("https://www.google.com/maps?q=Berlin&output=embed", "google-maps"),
    ("https://maps.google.com/maps?q=Berlin&output=embed", "google-maps"),
    ("https://maps.googleapis.com/maps/api/js?key=x&callback=initMap", "google-maps"),
    ("https://apis.google.com/js/platform.js", "google-platform"),
    ("https://accounts.google.com/gsi/client", "google-sign-in"),
    ("https://cse.google.com/cse.js?cx=1", "google-search"),
    ("https://pay.google.com/gp/p/js/pay.js", "google-pay"),
    ("https://www.googleoptimize.com/optimize.js?id=OPT-1", "google-optimize"),
    ("https://translate.google.com/translate_a/element.js?cb=x", "google-translate"),
    ("https://connect.facebook.net/en_US/fbevents.js", "meta-pixel"),
    ("https://connect.facebook.net/signals/config/1234?v=2.9.57", "meta-pixel"),
    ("https://www.facebook.com/tr?id=1234&ev=PageView&noscript=1", "meta-pixel"),
    ("https://www.facebook.com/tr/?id=1234&ev=PageView", "meta-pixel"),
    ("https://connect.facebook.net/de_DE/sdk.js#xfbml=1&version=v17.0", "facebook"),
    ("https://connect.facebook.net/en_US/all.js", "facebook"),
    ("https://www.facebook.com/plugins/like.php?href=x", "facebook"),
    ("https://www.facebook.com/v2.5/plugins/page.php?href=x", "facebook"),
    ("https://scontent.fslc3-2.fna.fbcdn.net/v/t45/1.jpg", "facebook"),
    ("https://graph.facebook.com/1/picture", "facebook"),
    ("https://static.ads-twitter.com/uwt.js", "x"),
    ("https://t.co/i/adsct?bci=3&txn_id=o1", "x"),
    ("https://analytics.twitter.com/i/adsct?txn_id=o1", "x"),
    ("https://platform.twitter.com/widgets.js", "x"),
    ("https://platform.twitter.com/embed/Tweet.html?id=1", "x"),
    ("https://syndication.twitter.com/settings", "x"),
    ("https://pbs.twimg.com/media/1.jpg", "x"),
    ("https://vk.com/rtrg?p=VK-RTRG-1", "vk"),
    ("https://vk.com/js/api/openapi.js?169", "vk"),
    ("https://vk.com/video_ext.php?oid=1&id=2", "vk"),
    ("https://vk.com/widget_community.php?gid=1", "vk"),
    ("https://sun9-1.userapi.com/1.jpg", "vk"),
    ("https://top-fwz1.mail.ru/js/code.js", "mytarget"),
    ("https://top-fwz1.mail.ru/counter?id=1;js=na", "mytarget"),
    ("https://www.instagram.com/embed.js", "instagram"),
    ("https://www.instagram.com/p/Cx/embed/captioned/", "instagram"),
    ("https://platform.instagram.com/en_US/embeds.js", "instagram"),
    ("https://scontent-lax3-1.cdninstagram.com/v/t51/1.jpg", "instagram"),
    ("https://www.youtube.com/embed/1-DkoqU94-k?rel=0", "youtube"),
    ("https://www.youtube-nocookie.com/embed/x", "youtube"),
    ("https://www.youtube.com/iframe_api", "youtube"),
    ("https://i.ytimg.com/vi/x/hqdefault.jpg", "youtube"),
    ("https://img.youtube.com/vi/x/0.jpg", "youtube"),
    ("https://player.vimeo.com/video/702039639?h=1", "vimeo"),
    ("https://i.vimeocdn.com/video/1.jpg", "vimeo"),
    ("https://geo.dailymotion.com/player.html?video=x1", "dailymotion"),
    ("https://player.twitch.tv/?channel=x&parent=shop.example", "twitch"),
    ("https://open.spotify.com/embed/playlist/1", "spotify"),
    ("https://w.soundcloud.com/player/?url=x", "soundcloud"),
    ("https://analytics.tiktok.com/i18n/pixel/events.js?sdkid=C1&lib=ttq", "tiktok"),
    ("https://www.tiktok.com/embed.js", "tiktok"),
    ("https://www.tiktok.com/embed/v2/7", "tiktok"),
    ("https://s.pinimg.com/ct/core.js", "pinterest"),
    ("https://ct.pinterest.com/v3/?tid=1&noscript=1", "pinterest"),
    ("https://assets.pinterest.com/js/pinit.js", "pinterest"),
    ("https://snap.licdn.com/li.lms-analytics/insight.min.js", "linkedin"),
    ("https://px.ads.linkedin.com/collect/?pid=1&fmt=gif", "linkedin"),
    ("https://platform.linkedin.com/in.js", "linkedin"),
    ("https://sc-static.net/scevent.min.js", "snap"),
    ("https://tr.snapchat.com/p", "snap"),
    ("https://www.redditstatic.com/ads/pixel.js", "reddit"),
    ("https://alb.reddit.com/rp.gif?id=t2_1", "reddit"),
    ("https://embed.reddit.com/widgets.js", "reddit"),
    ("https://bat.bing.com/bat.js", "microsoft-ads"),
    ("https://bat.bing.com/action/0?ti=1&Ver=2", "microsoft-ads"),
    ("https://www.clarity.ms/tag/abc", "clarity"),
    ("https://k.clarity.ms/collect", "clarity"),
    ("https://cdn.matomo.cloud/shop.matomo.cloud/matomo.js", "matomo"),
    ("https://shop.matomo.cloud/matomo.php?idsite=1&rec=1", "matomo"),
    ("https://plausible.io/js/script.js", "plausible"),
    ("https://plausible.io/api/event", "plausible"),
    ("https://mc.yandex.ru/metrika/tag.js", "yandex-metrica"),
    ("https://mc.yandex.ru/watch/84786778", "yandex-metrica"),
    ("https://an.yandex.ru/system/context.js", "yandex-direct"),
    ("https://static.hotjar.com/c/hotjar-2524285.js?sv=6", "hotjar"),
    ("https://script.hotjar.com/modules.92ff.js", "hotjar"),
    ("https://static.klaviyo.com/onsite/js/klaviyo.js?company_id=X", "klaviyo"),
    ("https://chimpstatic.com/mcjs-connected/js/users/1/2.js", "mailchimp"),
    ("https://cdn-images.mailchimp.com/embedcode/classic-10_7.css", "mailchimp"),
    ("https://js.hs-scripts.com/23392437.js", "hubspot"),
    ("https://js.hs-analytics.net/analytics/1/2.js", "hubspot"),
    ("https://js.hsforms.net/forms/v2.js", "hubspot"),
    ("https://track.hubspot.com/__ptq.gif?k=1", "hubspot"),
    ("https://js.stripe.com/v3/", "stripe"),
    ("https://m.stripe.network/inner.html", "stripe"),
    ("https://www.paypal.com/sdk/js?client-id=x", "paypal"),
    ("https://www.paypal.com/tagmanager/pptm.js?id=x", "paypal-marketing"),
    ("https://checkoutshopper-live.adyen.com/checkoutshopper/sdk/5.0.0/adyen.js", "adyen"),
    ("https://js.klarna.com/web-sdk/v1/klarna.js", "klarna"),
    ("https://x.klarnacdn.net/kp/lib/v1/api.js", "klarna"),
    ("https://js.braintreegateway.com/web/3.97/js/client.min.js", "braintree"),
    ("https://js.mollie.com/v1/mollie.js", "mollie"),
    ("https://web.squarecdn.com/v1/square.js", "square"),
    ("https://static-na.payments-amazon.com/checkout.js", "amazon-pay"),
    ("https://applepay.cdn-apple.com/jsapi/v1/apple-pay-sdk.js", "apple-pay"),
    ("https://shop.app/checkouts/internal/preloads.js", "shop-pay"),
    ("https://beacon.riskified.com/?shop=shop.example", "riskified"),
    ("https://cdn-scripts.signifyd.com/api/script-tag.js", "signifyd"),
    ("https://cdn.sift.com/s.js", "sift"),
    ("https://js.hcaptcha.com/1/api.js", "hcaptcha"),
    ("https://challenges.cloudflare.com/turnstile/v0/api.js", "turnstile"),
    ("https://cdn.shopify.com/s/files/1/1/files/a.jpg", "shopify-cdn"),
    ("https://cdn.shopify.com/s/trekkie.storefront.1a2b.min.js", "shopify-analytics"),
    ("https://monorail-edge.shopifysvc.com/v1/produce", "shopify-analytics"),
    ("https://i0.wp.com/shop.example/a.jpg", "wordpress-cdn"),
    ("https://stats.wp.com/e-202341.js", "jetpack"),
    ("https://pixel.wp.com/g.gif?v=ext", "jetpack"),
    ("https://secure.gravatar.com/avatar/1?s=48", "gravatar"),
    ("https://frog.wix.com/bolt-performance", "wix-analytics"),
    ("https://static.wixstatic.com/media/1.jpg", "wix"),
    ("https://use.typekit.net/qwi2npt.css", "adobe-fonts"),
    ("https://use.fontawesome.com/releases/v5.15.4/css/all.css", "fontawesome"),
    ("https://cdn.jsdelivr.net/npm/lozad/dist/lozad.min.js", "jsdelivr"),
    ("https://cdnjs.cloudflare.com/ajax/libs/slick-carousel/1.8.1/slick.min.js", "cdnjs"),
    ("https://unpkg.com/swiper@8/swiper-bundle.min.js", "unpkg"),
    ("https://code.jquery.com/jquery-3.6.0.min.js", "jquery-cdn"),
    ("https://maxcdn.bootstrapcdn.com/font-awesome/4.7.0/css/font-awesome.min.css", "bootstrapcdn"),
    ("https://res.cloudinary.com/shop/image/upload/a.jpg", "cloudinary"),
    ("https://static.cloudflareinsights.com/beacon.min.js", "cloudflare-insights"),
    ("https://js-agent.newrelic.com/nr-1212.min.js", "newrelic"),
    ("https://o1.ingest.sentry.io/api/1/envelope/", "sentry"),
    ("https://assets.adobedtm.com/launch-1.min.js", "adobe-analytics"),
    ("https://tags.tiqcdn.com/utag/shop/main/prod/utag.js", "tealium"),
    ("https://dev.visualwebsiteoptimizer.com/j.php?a=1", "vwo"),
    ("https://sb.scorecardresearch.com/p?c1=2", "comscore"),
    ("https://secure.quantserve.com/quant.js", "quantcast"),
    ("https://dynamic.criteo.com/js/ld/ld.js?a=1", "criteo"),
    ("https://cdn.taboola.com/libtrc/unip/1/tfa.js", "taboola"),
    ("https://amplify.outbrain.com/cp/obtp.js", "outbrain"),
    ("https://ib.adnxs.com/seg?add=1", "xandr"),
    ("https://insight.adsrvr.org/track/conv/?adv=1", "the-trade-desk"),
    ("https://www.dwin1.com/1.js", "awin"),
    ("https://c.amazon-adsystem.com/aax2/apstag.js", "amazon-ads"),
    ("https://ads.adthrive.com/sites/5/ads.min.js", "raptive"),
    ("https://scripts.mediavine.com/tags/shop.js", "mediavine"),
    ("https://ads.pubmatic.com/AdServer/js/pwt/1/2/pwt.js", "pubmatic"),
    ("https://widget.intercom.io/widget/x", "intercom"),
    ("https://embed.tawk.to/1/default", "tawk"),
    ("https://code.jivosite.com/widget/x", "jivo"),
    ("https://static.zdassets.com/ekr/snippet.js?key=1", "zendesk"),
    ("https://widget.trustpilot.com/bootstrap/v5/tp.widget.bootstrap.min.js", "trustpilot"),
    ("https://staticw2.yotpo.com/x/widget.js", "yotpo"),
    ("https://apps.bazaarvoice.com/deployments/shop/main_site/production/en_US/bv.js", "bazaarvoice"),
    ("https://f.convertkit.com/ckjs/ck.6.js", "kit"),
    ("https://a.omappapi.com/app/js/api.min.js", "optinmonster"),
    ("https://shop.disqus.com/embed.js", "disqus"),
    ("https://static.addtoany.com/menu/page.js", "addtoany"),
    ("https://s7.addthis.com/js/300/addthis_widget.js", "addthis"),
    ("https://telegram.org/js/telegram-widget.js?22", "telegram"),
]

#: Nobody's: names that only look alike, and pages of companies whose other paths are vendors'.
NOBODYS = [
    "https://notyoutube.com/embed/x",
    "https://facebook.com.evil.example/tr?id=1",
    "https://www.google-analytics.com.shop.example/ga.js",
    "https://myvimeo.com/video/1",
    "https://ax.com/",
    "https://box.com/embed",
    "https://not.co/i/adsct",
    "https://www.google.com/search?q=shop",
    "https://www.google.com/",
    "https://www.google.com/recaptchas/api.js",
    "https://www.google.com/adsense-like",
    "https://www.google.de/search?q=shop",
    "https://www.gstatic.com/images/branding/1.png",
    "https://storage.googleapis.com/shop/a.js",
    "https://www.bing.com/search?q=shop",
    "https://www.amazon.com/dp/B01",
    "https://www.adobe.com/privacy.html",
    "https://www.cloudflare.com/learning/",
    "https://wordpress.org/plugins/",
    "https://mail.ru/",
    "https://yandex.ru/maps/",
    "https://fontawesome.com/icons",
    "https://schema.org/Product",
    "https://www.w3.org/2000/svg",
    "https://shop.example/facebook.com/tr",
]

#: Pages that visitors open themselves, on hosts that are also loaded from.
LINKS = [
    ("https://www.google.com/maps/place/Berlin", "google-maps"),
    ("https://api.twitter.com/oauth/authenticate", "x"),
    ("https://www.facebook.com/sharer/sharer.php?u=x", "facebook"),
    ("https://www.facebook.com/shop.example", "facebook"),
    ("https://www.facebook.com/travel", "facebook"),
    ("https://www.facebook.com/dialog/share?app_id=1", "facebook"),
    ("https://twitter.com/intent/tweet?text=x", "x"),
    ("https://x.com/shop", "x"),
    ("https://t.co/abc", "x"),
    ("https://vk.com/shop", "vk"),
    ("https://vk.com/share.php?url=x", "vk"),
    ("https://www.instagram.com/shop/", "instagram"),
    ("https://www.instagram.com/p/Cx/", "instagram"),
    ("https://www.youtube.com/watch?v=x", "youtube"),
    ("https://www.youtube.com/@shop", "youtube"),
    ("https://youtu.be/x", "youtube"),
    ("https://vimeo.com/702039639", "vimeo"),
    ("https://www.tiktok.com/@shop", "tiktok"),
    ("https://pinterest.com/pin/create/button/?url=x", "pinterest"),
    ("https://es.pinterest.com/shop", "pinterest"),
    ("https://www.linkedin.com/shareArticle?mini=true", "linkedin"),
    ("https://www.reddit.com/submit?url=x", "reddit"),
    ("https://t.me/share/url?url=x", "telegram"),
    ("https://open.spotify.com/album/1", "spotify"),
    ("https://www.addtoany.com/share", "addtoany"),
]

EACH = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)


def _find(url: str) -> Match | None:
    split = split_url(url, "https://shop.example/")
    assert split is not None
    return MATCHER.find(*split)


def test_there_are_as_many_as_promised() -> None:
    assert len(VENDORS) >= 200


@pytest.mark.parametrize("key", RELIED_ON)
def test_keys_that_others_rely_on_are_there(key: str) -> None:
    assert key in CATALOGUE.vendors


@pytest.mark.parametrize("key", ESSENTIAL)
def test_what_a_shop_cannot_do_without_is_essential(key: str) -> None:
    assert CATALOGUE.vendors[key].essential


@pytest.mark.parametrize("key", SOCIAL_AND_ADVERTISING)
def test_social_vendors_that_advertise_need_both(key: str) -> None:
    assert {Category.SOCIAL, Category.ADVERTISING} <= CATALOGUE.vendors[key].needs


@pytest.mark.parametrize(("url", "key"), BELONGS)
def test_real_urls_belong_to_their_vendors(url: str, key: str) -> None:
    found = _find(url)
    assert found is not None
    assert (found.vendor.key, found.link) == (key, False)


@pytest.mark.parametrize("url", NOBODYS)
def test_what_only_looks_alike_belongs_to_nobody(url: str) -> None:
    assert _find(url) is None


@pytest.mark.parametrize(("url", "key"), LINKS)
def test_pages_that_visitors_open_are_links(url: str, key: str) -> None:
    found = _find(url)
    assert found is not None
    assert (found.vendor.key, found.link) == (key, True)


@EACH
def test_editors_find_the_schema(vendor: Vendor) -> None:
    text = (shipped_dir() / f"{vendor.key}.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema ./schema.json\n")
    assert text.endswith("\n")


@EACH
def test_what_is_relayed_or_embedded_is_the_vendors_own(vendor: Vendor) -> None:
    relay = vendor.technical.relay
    relayed = chain.from_iterable(getattr(relay, destination) for destination in Destination)
    for pattern in (*relayed, *vendor.technical.embed):
        found = MATCHER.find(*sample(pattern))
        assert found is not None, pattern
        assert (found.vendor.key, found.link) == (vendor.key, False), pattern


@EACH
def test_every_pattern_is_reached_by_some_url(vendor: Vendor) -> None:
    """No pattern is wholly behind another one of its own or another vendor's."""
    for pattern in (*vendor.technical.match, *vendor.technical.links):
        found = MATCHER.find(*sample(pattern))
        assert found is not None, pattern
        assert found.vendor.key == vendor.key, pattern
        assert found.link == (pattern in vendor.technical.links), pattern


@EACH
def test_its_reach_and_its_requests_agree(vendor: Vendor) -> None:
    relay = vendor.technical.relay
    lists = [getattr(relay, destination) for destination in Destination]
    assert any(lists) == (vendor.reach is Reach.RELAY)
    for destination, patterns in zip(Destination, lists, strict=True):
        assert all(relays(vendor, destination, *sample(pattern)) for pattern in patterns)
    assert all(embeds(vendor, *sample(pattern)) for pattern in vendor.technical.embed)


@EACH
def test_address_fields_are_never_passed_on_by_name(vendor: Vendor) -> None:
    fields = vendor.technical.relay.fields
    assert not {"_uip", "cip", "ip", "ip_override", "client_ip_address", "user_ip"} & set(fields)
    assert len(set(fields)) == len(fields)


@EACH
def test_its_purposes_fit_its_categories(vendor: Vendor) -> None:
    profiling = {Purpose.PERSONALISE_ADS, Purpose.MEASURE_ADS} & set(vendor.purposes)
    assert not profiling or Category.ADVERTISING in vendor.categories
    if vendor.essential:
        assert not vendor.sale_or_share
    if vendor.statistics_only:
        assert vendor.categories == (Category.ANALYTICS,)
        assert not vendor.sale_or_share


@EACH
def test_its_cookies_are_distinctive(vendor: Vendor) -> None:
    """A denied vendor's cookies are taken out of what the storefront gets: a shop's own must never be among them."""
    shops_own = re.compile(
        r"_?(?:guest|user|visitor|customer|client|member|order|cart|basket|checkout|wishlist|currency|locale|lang|country|"
        r"region|session|auth|token|csrf|xsrf|login|account|store|shop|theme|popup|newsletter|discount|coupon|ref|src|"
        r"player|audit|fr|de|en|es|it|nl|pl|tr|ab|ts|uu?id|s?sid|data|info|state)(?:[_-]?id)?",
        re.I,
    )
    for cookie in vendor.cookies:
        bare = cookie.name.rstrip("*")
        assert not shops_own.fullmatch(bare.rstrip("_-.")), cookie.name
        assert cookie.name == bare or len(bare) >= 3, cookie.name


@EACH
def test_it_reads_as_plain_words(vendor: Vendor) -> None:
    for cookie in vendor.cookies:
        assert cookie.use[0].islower(), cookie.use
        assert not cookie.use.endswith("."), cookie.use
        assert re.fullmatch(
            r"session|\d+( to \d+)? (second|minute|hour|day|week|month|year)s?( to \d+ (day|week|month|year)s?)?",
            cookie.keeps,
        ), cookie.keeps
    assert not vendor.retention.endswith(".")


def test_first_party_cookies_have_one_owner() -> None:
    """Else refusing one vendor would take away what another one may keep."""
    owners = defaultdict(set)
    for vendor in VENDORS:
        for cookie in vendor.cookies:
            if cookie.party == "first":
                owners[cookie.name].add(vendor.key)
    wild = [name.rstrip("*") for name in owners if name.endswith("*")]
    for name, keys in owners.items():
        covering = {owner for start in wild if name.startswith(start) for owner in owners[f"{start}*"]}
        assert len(keys | covering) == 1, (name, keys | covering)


def test_names_are_unique_and_companies_spelled_alike() -> None:
    assert len({vendor.name.casefold() for vendor in VENDORS}) == len(VENDORS)
    spellings = defaultdict(set)
    legal = r"\b(?:inc|llc|ltd|limited|corp|corporation|gmbh|sas|sa|ag|ab|bv|nv|oy|as|plc|se|co|company|holdings)\b"
    for vendor in VENDORS:
        bare = re.sub(r"[^a-z0-9 ]", "", vendor.company.casefold().replace(".", ""))
        spellings[re.sub(legal, "", bare).replace(" ", "")].add(vendor.company)
    assert {name: found for name, found in spellings.items() if len(found) > 1} == {}
