"""The demo's storefront: Morgenlehm, a small ceramics shop, with the tags that real shops carry.

Rules: it knows nothing of Consentry but two headers: `Consentry-Consent`, which it shows in its footer as any back end
could obey it, and `Consentry-Event`, by which it says what happened (`events.py`). Every page works as plain HTML.
German lives under /de, English at the top. Carts are kept here, in memory and bounded, under the session cookie
`shop_session`; nothing is written to disk.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from proxy.demo.answers import script_text
from proxy.demo.events import state
from proxy.demo.goods import BY_SLUG, GOODS, Good, price

SESSION_COOKIE = "shop_session"

#: How many visitors' carts are kept; the least recently used is forgotten first.
CARTS = 1_000

#: The account ids in the shop's tags: invented, in the shape of the vendors' own.
ACCOUNTS: Mapping[str, str] = {
    "ga": "G-M0RGEN1EHM",
    "ads": "AW-10872564913",
    "gtm": "GTM-MRGN7LM",
    "meta": "724401883901562",
    "x": "o9m7k",
    "vk": "VK-RTRG-482913-1xKpQ",
}

_PAGES = Environment(
    loader=PackageLoader("proxy.demo", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)

Cart = dict[str, int]


class Carts:
    """What each session has in its cart: slug -> how many."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Cart] = OrderedDict()

    def of(self, session: str) -> Cart:
        """The session's cart, made when it is not there."""
        cart = self._of.setdefault(session, {})
        self._of.move_to_end(session)
        while len(self._of) > CARTS:
            self._of.popitem(last=False)
        return cart


def shop(*, hostile: bool = False) -> Starlette:
    """The shop as an ASGI app. With `hostile` it has a page /hostile, whose script tries to consent for the visitor."""
    pages = [
        Route("/", _home),
        Route("/products", _products),
        Route("/products/{slug}", _product),
        Route("/cart", _cart, methods=["GET"]),
        Route("/cart", _change_cart, methods=["POST"]),
        Route("/checkout", _checkout, methods=["GET"]),
        Route("/checkout", _order, methods=["POST"]),
        Route("/thanks", _thanks),
        Route("/contact", _contact, methods=["GET"]),
        Route("/contact", _write, methods=["POST"]),
        Route("/search", _search),
        Route("/privacy", _privacy),
    ]
    if hostile:
        pages.append(Route("/hostile", _hostile))
    static = Mount("/static", StaticFiles(packages=[("proxy.demo", "static")]))
    app = Starlette(
        routes=[static, Mount("/de", routes=pages), *pages],
        middleware=[Middleware(GZipMiddleware, minimum_size=500)],
        exception_handlers={404: _not_found},
    )
    app.state.carts = Carts()
    return app


def _lang(request: Request) -> str:
    asked = request.query_params.get("lang")
    if asked in ("de", "en"):
        return asked
    path = request.scope["path"]
    return "de" if path == "/de" or path.startswith("/de/") else "en"


def _session(request: Request) -> str:
    return request.cookies.get(SESSION_COOKIE, "")[:64] or secrets.token_hex(16)


def _page(request: Request, name: str, *, status: int = 200, **words: object) -> Response:
    """Render a template with what all pages need; gives the visitor a session where they have none."""
    lang, session = _lang(request), _session(request)
    base = "/de" if lang == "de" else ""
    path = request.scope["path"].removeprefix("/de") or "/"
    query = f"?{request.url.query}" if request.url.query and "lang" not in request.query_params else ""
    text = _PAGES.get_template(name).render(
        lang=lang,
        t=lambda de, en: de if lang == "de" else en,
        to=lambda target: base + target,
        other={"de": f"/de{path}{query}", "en": path + query},
        price=lambda cents: price(cents, lang),
        accounts=ACCOUNTS,
        in_cart=sum(request.app.state.carts.of(session).values()),
        told=request.headers.get("consentry-consent"),
        **words,
    )
    response = HTMLResponse(text, status)
    response.headers["Content-Language"] = lang
    if session != request.cookies.get(SESSION_COOKIE):
        response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax")
    return response


def _lines(request: Request) -> list[tuple[Good, int]]:
    cart: Cart = request.app.state.carts.of(_session(request))
    return [(BY_SLUG[slug], count) for slug, count in cart.items()]


def _total(lines: list[tuple[Good, int]]) -> int:
    return sum(good.cents * count for good, count in lines)


def _elsewhere(request: Request, target: str) -> Response:
    return RedirectResponse(("/de" if _lang(request) == "de" else "") + target, 303)


async def _home(request: Request) -> Response:
    return _page(request, "home.html", goods=GOODS[:4])


async def _products(request: Request) -> Response:
    return _page(request, "products.html", goods=GOODS)


async def _product(request: Request) -> Response:
    good = BY_SLUG.get(request.path_params["slug"])
    if good is None:
        return _page(request, "not_found.html", status=404)
    page = _page(request, "product.html", good=good, others=[one for one in GOODS if one is not good][:3])
    return state(page, "view_item", [(good, 1)], _lang(request))


async def _cart(request: Request) -> Response:
    lines = _lines(request)
    return _page(request, "cart.html", lines=lines, total=_total(lines))


async def _change_cart(request: Request) -> Response:
    """`slug` with `count` (default 1) adds; `remove=slug` takes out."""
    form, session = await request.form(), _session(request)
    cart: Cart = request.app.state.carts.of(session)
    slug, removed = str(form.get("slug", "")), str(form.get("remove", ""))
    response = _elsewhere(request, "/cart")
    if slug in BY_SLUG:
        text = str(form.get("count", "1"))
        count = int(text) if text.isdecimal() else 1
        cart[slug] = min(cart.get(slug, 0) + count, 99)
        state(response, "add_to_cart", [(BY_SLUG[slug], count)], _lang(request))
    cart.pop(removed, None)
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax")
    return response


async def _checkout(request: Request) -> Response:
    lines = _lines(request)
    return _page(request, "checkout.html", lines=lines, total=_total(lines))


async def _order(request: Request) -> Response:
    """Take the order: the cart is emptied, the amount goes with the visitor to the page that thanks them."""
    lines, form = _lines(request), await request.form()
    request.app.state.carts.of(_session(request)).clear()
    order = f"ML-{secrets.randbelow(90_000) + 10_000}"
    response = _elsewhere(request, f"/thanks?order={order}&cents={_total(lines)}")
    return state(response, "purchase", lines, _lang(request), order=order, email=str(form.get("email", "")))


async def _thanks(request: Request) -> Response:
    cents = request.query_params.get("cents", "0")
    order = "".join(sign for sign in request.query_params.get("order", "") if sign.isalnum() or sign == "-")[:16]
    return _page(request, "thanks.html", order=order, cents=int(cents) if cents.isdecimal() and len(cents) < 9 else 0)


async def _contact(request: Request) -> Response:
    return _page(request, "contact.html", sent="sent" in request.query_params)


async def _write(request: Request) -> Response:
    """A message for the workshop; the demo keeps none."""
    return _elsewhere(request, "/contact?sent=1")


async def _search(request: Request) -> Response:
    asked = request.query_params.get("q", "").strip()[:80]
    lang = _lang(request)
    found = [
        good for good in GOODS if asked and asked.lower() in f"{good.name.in_(lang)} {good.text.in_(lang)}".lower()
    ]
    return _page(request, "search.html", asked=asked, found=found)


async def _privacy(request: Request) -> Response:
    return _page(request, "privacy.html")


async def _hostile(request: Request) -> Response:
    return _page(request, "hostile.html", script=script_text("hostile.js"))


async def _not_found(request: Request, _why: Exception) -> Response:
    return _page(request, "not_found.html", status=404)
