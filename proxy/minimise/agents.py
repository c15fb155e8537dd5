"""User agents reduced to a small set: what kind of browser on what kind of device, and no more (CNIL, proxy, P5)."""

from __future__ import annotations

import re

_EDGE = re.compile(r"\bEdg(?:e|A|iOS)?/")
_FIREFOX = re.compile(r"\b(?:Firefox|FxiOS)/")
_CHROME = re.compile(r"\b(?:Chrome|Chromium|CriOS)/")
_SAFARI = re.compile(r"\bSafari/")
_TABLET = re.compile(r"\biPad\b|\bTablet\b|\bAndroid\b(?!.*\bMobile\b)")
_MOBILE = re.compile(r"\bMobile\b|\biPhone\b|\biPod\b")

_WINDOWS, _PHONE, _SLATE = "Windows NT 10.0; Win64; x64", "Linux; Android 10; K", "Linux; Android 10"
_CHROMIUM = "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0{mobile} Safari/537.36{more}"
_APPLE = "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 {mobile}Safari/{build}"


def user_agent_class(text: str) -> str:
    """One of eleven user agents that stands for many: a browser that vendors know, at a version that says nothing."""
    tablet = _TABLET.search(text) is not None
    mobile = not tablet and _MOBILE.search(text) is not None
    if _FIREFOX.search(text):
        system = "Android 13; Mobile" if mobile else "Android 13; Tablet" if tablet else "Windows NT 10.0; Win64; x64"
        return f"Mozilla/5.0 ({system}; rv:120.0) Gecko/120.0 Firefox/120.0"
    if _EDGE.search(text) or _CHROME.search(text):
        more = " Edg/120.0.0.0" if _EDGE.search(text) and not (mobile or tablet) else ""
        system = _PHONE if mobile else _SLATE if tablet else _WINDOWS
        return _CHROMIUM.format(system=system, mobile=" Mobile" if mobile else "", more=more)
    if _SAFARI.search(text):
        if mobile:
            return _APPLE.format(
                system="iPhone; CPU iPhone OS 17_0 like Mac OS X", mobile="Mobile/15E148 ", build="604.1"
            )
        if tablet:
            return _APPLE.format(system="iPad; CPU OS 17_0 like Mac OS X", mobile="Mobile/15E148 ", build="604.1")
        return _APPLE.format(system="Macintosh; Intel Mac OS X 10_15_7", mobile="", build="605.1.15")
    return "Mozilla/5.0"
