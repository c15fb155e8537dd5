"""The closed lists that vendor files choose their words from. A word stands in each language once, in consent/text.

Rules of this file: a word is what a visitor would call the thing, not what an engineer would. A new one needs its
translation in every language (a test compares), and then `make schema`.
"""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What a vendor uses what it learns for. Translated once for all vendors, in consent/text."""

    MEASURE_VISITS = "measure-visits"
    MEASURE_CAMPAIGNS = "measure-campaigns"
    RECORD_SESSIONS = "record-sessions"
    TEST_VARIANTS = "test-variants"
    FIND_ERRORS = "find-errors"
    SHOW_ADS = "show-ads"
    PERSONALISE_ADS = "personalise-ads"
    MEASURE_ADS = "measure-ads"
    PAY_AFFILIATES = "pay-affiliates"
    SEND_MESSAGES = "send-messages"
    PERSONALISE_CONTENT = "personalise-content"
    CHAT = "chat"
    COLLECT_REVIEWS = "collect-reviews"
    SHOW_VIDEOS = "show-videos"
    SHOW_POSTS = "show-posts"
    SHARE_CONTENT = "share-content"
    COMMENT = "comment"
    SHOW_MAPS = "show-maps"
    SHOW_DOCUMENTS = "show-documents"
    PLAY_AUDIO = "play-audio"
    TAKE_FORMS = "take-forms"
    LOAD_TAGS = "load-tags"
    TAKE_PAYMENTS = "take-payments"
    PREVENT_FRAUD = "prevent-fraud"
    TELL_HUMANS = "tell-humans-from-robots"
    DELIVER_FILES = "deliver-files"
    SIGN_IN = "sign-in"


class Datum(StrEnum):
    """What a vendor receives. Translated once for all vendors, in consent/text."""

    PAGE = "page"
    REFERRER = "referrer"
    VISITOR_ID = "visitor-id"
    SHORT_IP = "short-ip"
    FULL_IP = "full-ip"
    DEVICE_CLASS = "device-class"
    USER_AGENT = "user-agent"
    LANGUAGE = "language"
    SCREEN = "screen"
    LOCATION = "location"
    CLICKS = "clicks"
    RECORDING = "recording"
    SEARCHES = "searches"
    CART = "cart"
    PURCHASE = "purchase"
    AD_CLICK_ID = "ad-click-id"
    EMAIL = "email"
    ACCOUNT = "account"
    SOCIAL_ACCOUNT = "social-account"
    VIEWING = "viewing"
    MESSAGES = "messages"
    PAYMENT = "payment"
    VARIANT = "variant"


class EssentialBecause(StrEnum):
    """Why a vendor is essential; shown to visitors."""

    PAYMENT = "payment"
    SIGN_IN = "sign-in"
    FRAUD = "fraud"
    CAPTCHA = "captcha"
    DELIVERY = "delivery"
    SECURITY = "security"


#: Cookie names that shops use too: removing them would break a shop, so no vendor may claim them.
COMMON_COOKIE_NAMES = frozenset(
    {
        "token",
        "uid",
        "uuid",
        "sid",
        "session",
        "sessionid",
        "session_id",
        "id",
        "user",
        "userid",
        "user_id",
        "locale",
        "lang",
        "language",
        "country",
        "currency",
        "cart",
        "basket",
        "csrf",
        "csrftoken",
        "xsrf-token",
        "auth",
        "consent",
        "visitor",
        "visitorid",
        "visitor_id",
        "guest",
        "login",
        "phpsessid",
        "jsessionid",
        "connect.sid",
        "theme",
        "test",
        "cookie",
    }
)
