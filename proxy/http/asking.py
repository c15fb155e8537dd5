"""What a request asks of the storefront, and what its answer's head and page are made with.

Rules: everything that depends on the visitor is settled here, before anything is sent, from the settings, the vendors
in use and the visit's ruling. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from urllib.parse import urlsplit

from starlette.types import Scope

from proxy import metrics
from proxy.catalogue.url import split_url
from proxy.consent.banner import banner, footer
from proxy.consent.cookie import Seal, cookie_name, cookie_values
from proxy.consent.pages import Look
from proxy.consent.site import site_of
from proxy.csp import admit
from proxy.csp.seen import Seen
from proxy.html.page import Page, Retold, TagReport
from proxy.html.remembered import Remembered
from proxy.html.verdict import Other, Use, verdict
from proxy.http import caching, shared
from proxy.http.backstop import Backstop
from proxy.http.coding import narrowed
from proxy.http.cookies import VendorCookies, cookie_header, denied_names, domains, expiries, pairs, set_cookie_denied
from proxy.http.headers import Asked, Given, HeaderList, to_storefront
from proxy.http.permissions import no_advertising
from proxy.http.rollout import Rollout
from proxy.http.upstream import Lines
from proxy.http.visit import Fields, Headers, host_of, origin_of, peer_trusted, target, values
from proxy.http.wanted import is_document, may_be_html, navigates, prefetches, use_of
from proxy.model import Action, Visit
from proxy.ruling import Ruling, Rulings
from proxy.settings import Settings

_TAGS = {action: metrics.TAGS.labels(action.value) for action in Action}
#: Scripts under a policy of their own answer, not of the page that starts them (HTML, "initialize worker policy
#: container"). A service worker's is not asked for again when the choice changes: it would hold back what is granted.
_WORKERS = frozenset({b"worker", b"sharedworker"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request's headers, method and sender settle, whatever it asks for: `lines` are the headers that the
    storefront gets, but for the request's id.

    `salted`: it asks whether a page of ours is still good. `unconditional`: a condition of the visitor's was held back
    and none was put in its place, so 304 is no answer. `shown` is what a document gets from us. `ahead`: the browser
    prefetches, and may later show as a document what was no document when it was asked for. `use` is what a part of a
    page is wanted for; None for documents and where that is not known. `worker`: it is for a worker's script.
    `document`: a person opens it as a page of its own, now. `enforced`: what comes back is ruled on. `renewed`: the
    Set-Cookie by which a document renews the consent cookie.
    `variant`: as which a cache in front may keep the page.
    """

    method: bytes
    lines: Lines
    ruling: Ruling
    origin: str
    salt: bytes
    salted: bool
    unconditional: bool
    shown: str
    ahead: bool
    use: Use | None
    cookies: list[bytes]
    user_agent: bytes
    worker: bool
    document: bool
    enforced: bool
    renewed: bytes | None
    variant: bytes | None
    pages: Remembered[tuple[str, str], Page] = field(default_factory=partial(Remembered, lambda *_: 1, entries=16))
    given: Remembered[Hashable, Given] = field(default_factory=partial(Remembered, lambda *_: 1, entries=16))


@dataclass(slots=True)
class Question:
    """One request as the storefront gets it, and what its answer will need."""

    target: bytes
    visit: Visit
    request_id: str
    terms: Terms

    @property
    def lines(self) -> Lines:
        """Its headers."""
        return self.terms.lines.plus(b"x-request-id", self.request_id.encode())


class Asking:
    """Makes questions, and what their answers are made with, for one site."""

    def __init__(self, settings: Settings, rulings: Rulings, seal: Seal, seen: Seen, look: Look) -> None:
        self._settings = settings
        self._seal = seal
        self._rulings = rulings
        self._use = use = rulings.use
        self._backstop = Backstop(settings, use, seen)
        self._enforces = settings.mode == "enforce"
        self._rollout = Rollout(settings.rollout, b"".join(settings.secret_keys[:1]), settings.origin or "")
        self._vendor_cookies = VendorCookies(use.vendors.values())
        self._digest = f"{use.digest}-{settings.digest}-{look.digest}"
        self._site = lru_cache(64)(partial(site_of, settings, use, look))
        self._quiet = settings.consent.quiet
        self._behind = urlsplit("".join(settings.storefront.url[:1])).hostname

    # -- the request ----------------------------------------------------------------------------------------------

    def question(self, scope: Scope) -> Question:
        """The request of an ASGI scope with a visit. Raises `Circles`."""
        visit: Visit = scope["consentry.visit"]
        headers, client = scope["headers"], scope.get("client")
        fields = headers if isinstance(headers, Fields) else Fields(headers)
        quiet = bool(self._quiet) and self._is_quiet(visit.path)
        key = (scope["method"], client and client[0], scope["http_version"], scope["scheme"], quiet)
        terms: Terms | None = fields.remembered.get(key)
        if terms is None:
            terms = fields.remembered[key] = self._terms({**scope, "headers": fields}, visit, quiet)
        return Question(target(scope), visit, scope["consentry.request_id"], terms)

    def _terms(self, scope: Scope, visit: Visit, quiet: bool) -> Terms:
        headers: Headers = scope["headers"]
        ruling = self._rulings.of(visit)
        shown = self._shown(headers, ruling, quiet)
        user_agent = b"".join(values(headers, b"user-agent"))
        enforced = self._enforces and self._rollout.includes(visit, user_agent)
        salt = caching.salt(self._digest, ruling.allowed, _depends(shown, visit))
        page = enforced and may_be_html(headers)
        reads = page and scope["method"] in ("GET", "HEAD")
        known = caching.unsalted(values(headers, b"if-none-match"), salt) if reads else None
        asked = self._asked(scope, visit, ruling, enforced=enforced, page=page, reads=reads, known=known)
        return Terms(
            method=scope["method"].encode(),
            lines=Lines(to_storefront(headers, asked, narrowed)),
            ruling=ruling,
            origin=origin_of(scope, self._settings),
            salt=salt,
            salted=known is not None,
            unconditional=reads and known is None,
            shown=shown,
            ahead=prefetches(headers),
            document=is_document(headers) and not prefetches(headers),
            use=use_of(headers),
            cookies=values(headers, b"cookie"),
            user_agent=user_agent,
            worker=bool(_WORKERS.intersection(values(headers, b"sec-fetch-dest"))),
            enforced=enforced,
            renewed=(renewed := self._renewed(scope, visit) if enforced and shown else None),
            variant=self._variant(scope, visit) if enforced and reads and shown and renewed is None else None,
        )

    def _variant(self, scope: Scope, visit: Visit) -> bytes | None:
        headers: Headers = scope["headers"]
        if not self._settings.cache.shared or self._rollout.partial or prefetches(headers):
            return None
        ours = cookie_name(origin_of(scope, self._settings), self._settings.consent.domain)
        due = shared.variant(visit, headers, values(headers, b"cookie"), ours)
        return due if values(headers, shared.VARIANT) == [due] else None

    def _renewed(self, scope: Scope, visit: Visit) -> bytes | None:
        consent = visit.standing.consent
        if consent is None or visit.law.lapses:
            return None
        origin, domain = origin_of(scope, self._settings), self._settings.consent.domain
        value = cookie_values(scope["headers"], cookie_name(origin, domain))[0]
        return self._seal.renewed(origin, domain, value, consent, scope["consentry.today"])

    def _asked(
        self,
        scope: Scope,
        visit: Visit,
        ruling: Ruling,
        *,
        enforced: bool,
        page: bool,
        reads: bool,
        known: bytes | None,
    ) -> Asked:
        headers: Headers = scope["headers"]
        client = scope.get("client")
        host = (host_of(headers) or "").encode()
        wanted = self._settings.storefront.host
        return Asked(
            host=host,
            send_host=host if wanted == "keep" else wanted.encode(),
            peer=str(client[0]) if client else None,
            visitor=visit.address,
            proto=urlsplit(origin_of(scope, self._settings)).scheme.encode(),
            http_version=scope["http_version"].encode(),
            trusted=peer_trusted(client, self._settings.listen.trusted),
            page=page,
            conditions=not reads,
            whole=reads and (navigates(headers) or bool(values(headers, b"if-range"))),
            cookie=self._cookie(scope, ruling, enforced=enforced),
            consent=ruling.told if enforced else None,
            if_none_match=known,
            proof=self._proof(visit) if enforced else None,
        )

    def _proof(self, visit: Visit) -> bytes | None:
        """The id of the visitor's record, where a back end may post events of theirs later."""
        record = visit.standing.record
        return record.encode() if record is not None and self._settings.admin_token else None

    def _cookie(self, scope: Scope, ruling: Ruling, *, enforced: bool) -> bytes | None:
        lines = values(scope["headers"], b"cookie")
        if not enforced:
            return b"; ".join(pair for _, pair in pairs(lines)) or None
        ours = cookie_name(origin_of(scope, self._settings), self._settings.consent.domain)
        return cookie_header(lines, self._vendor_cookies, ruling.allowed, (ours,))

    def _shown(self, headers: Headers, ruling: Ruling, quiet: bool) -> str:
        """`banner`, `footer`, or nothing: only documents get something, and no banner on the operator's quiet paths."""
        if not is_document(headers):
            return ""
        if ruling.ask and not quiet:
            return "banner"
        return "footer" if self._settings.consent.link == "auto" else ""

    def _is_quiet(self, path: str) -> bool:
        path = path.partition("?")[0]
        return any(f"{path}/".startswith(f"{start.rstrip('/')}/") for start in self._quiet)

    # -- the answer -----------------------------------------------------------------------------------------------

    @property
    def mixed(self) -> bool:
        """Whether some visitors' pages are rewritten and others' are not: caches must not give one to another."""
        return self._enforces and self._rollout.partial

    def page(self, question: Question, *, plain: bool, report: Callable[[TagReport], None] | None = None) -> Page:
        """What the rewriter is told. `plain`: nothing is put in (redirects: nobody sees them). `report` hears of every
        tag; None: it is counted."""
        shown = "" if plain else question.terms.shown
        if report is not None:
            return self._page(question, shown, report)
        key = (question.visit.path, shown)
        known = question.terms.pages.get(key)
        if known is None:
            known = self._page(question, shown, None)
            question.terms.pages.put(key, known)
        return known

    def _page(self, question: Question, shown: str, report: Callable[[TagReport], None] | None) -> Page:
        site = self._site(question.terms.origin)
        return Page(
            origin=question.terms.origin,
            url=question.terms.origin + question.visit.path,
            use=self._use,
            decisions=question.terms.ruling.decisions,
            first_party=self._first_party(question.terms.origin),
            prefix=self._settings.consent.prefix,
            banner=partial(banner, site, question.visit) if shown == "banner" else None,
            footer=partial(footer, site, question.visit) if shown == "footer" else None,
            report=report or self._hear,
            retold=None if report else self._hear_again,
            variant=None if report else (question.terms.salt, shown, question.visit.path),
        )

    def kept_for(self, question: Question, status: int, answered: Headers) -> int:
        """Seconds that a cache in front may keep a page that the storefront answered so; 0: not at all."""
        if question.terms.variant is None or status != 200:
            return 0
        return shared.seconds(answered, self._settings.cache.seconds)

    def given(self, question: Question, status: int, *, coding: str | None, kept_for: int = 0) -> Given:
        """What the answer's head is made with. `coding`: of a page, of which the first piece is rewritten; None where
        the answer is none. `kept_for`: see there."""
        terms, page = question.terms, coding is not None and (status == 304 or not 300 <= status < 400)
        held_back = self._held_back(terms, reports=not kept_for) if page or (terms.worker and terms.enforced) else []
        key = (status, coding, kept_for, *held_back)
        known = terms.given.get(key)
        if known is None:
            known = self._given(terms, status, coding, held_back, kept_for)
            terms.given.put(key, known)
        return known

    def _given(self, terms: Terms, status: int, coding: str | None, held_back: HeaderList, kept_for: int) -> Given:
        extra: HeaderList = []
        if coding is not None:
            personal = terms.ruling.granted or terms.shown == "banner" or terms.ahead or self._settings.cache.shared
            extra.append((b"cache-control", caching.cache_control(personal=personal)))
            if kept_for and terms.variant is not None:
                extra += [(b"cdn-cache-control", b"max-age=%d" % kept_for), (shared.VARIANT, terms.variant)]
                extra.append((b"vary", shared.VARIANT.title()))
            if coding != "identity" and status != 304:
                extra.append((b"content-encoding", coding.encode()))
            extra += [(b"set-cookie", line) for line in self._forgetting(terms)]
            if terms.renewed is not None:
                extra.append((b"set-cookie", terms.renewed))
            if status == 304 or not 300 <= status < 400:
                extra += held_back
                if not terms.ruling.advertises:
                    extra.append((b"permissions-policy", no_advertising(b"" if kept_for else terms.user_agent)))
        elif held_back:
            extra += [*held_back, (b"cache-control", caching.cache_control(personal=False))]
        return Given(
            page=coding is not None,
            bodiless=status in (204, 304),
            etag=partial(caching.salted, salt=terms.salt),
            policy=partial(admit, origin=terms.origin),
            may_contact=partial(self._may_contact, terms, Other.CONNECTION),
            may_follow=partial(self._may_contact, terms, terms.use),
            cookie_denied=partial(set_cookie_denied, vendor_cookies=self._vendor_cookies, allowed=terms.ruling.allowed),
            extra=extra,
        )

    def _held_back(self, terms: Terms, *, reports: bool) -> HeaderList:
        """`reports`: browsers may be asked for reports; not those of everybody who gets what a cache keeps."""
        shown = reports and terms.use is not Other.REST
        return self._backstop.headers(terms.origin, _site_domain(terms.origin), terms.ruling.decisions, shown=shown)

    def _hear(self, tag: TagReport) -> None:
        _TAGS[tag.action].inc()
        self._backstop.note(tag)

    def _hear_again(self, retold: Retold) -> None:
        for action, count in retold.actions.items():
            _TAGS[action].inc(count)
        for tag in retold.contacts:
            self._backstop.note(tag)

    def _forgetting(self, terms: Terms) -> list[bytes]:
        names = denied_names(terms.cookies, self._vendor_cookies, terms.ruling.allowed)
        parts = urlsplit(terms.origin)
        return expiries(names, parts.hostname or "", secure=parts.scheme == "https") if names else []

    def _may_contact(self, terms: Terms, use: Use | None, url: bytes) -> bool:
        """Whether a header may make the browser contact this URL, as if a page did so for this use; None: always.

        What a granted vendor gets through us is not for the browser to ask for itself.
        """
        if use is None:
            return True
        split = split_url(url, terms.origin)
        if split is None or self._use.is_shop(split, self._first_party(terms.origin)):
            return True
        vendor, decision = self._use.judge(split.host, split.target, terms.ruling.decisions)
        return verdict(vendor, decision, use, split.host, split.target)[0] is Action.KEEP

    def _first_party(self, origin: str) -> frozenset[str]:
        return _first_party(origin, self._behind)


@lru_cache(256)
def _first_party(origin: str, behind: str | None) -> frozenset[str]:
    """The site, and the storefront's own name."""
    return frozenset({_site_domain(origin), *([behind] if behind else [])})


@lru_cache(256)
def _site_domain(origin: str) -> str:
    """The registrable domain of an origin's host; the host itself where it has none."""
    host = urlsplit(origin).hostname or ""
    site = domains(host)
    return site[-1] if site else host


def _depends(shown: str, visit: Visit) -> tuple[str, ...]:
    """What banner and footer depend on besides the page itself."""
    if not shown:
        return ()
    consent = visit.standing.consent
    state = "" if consent is None else f"given {consent.grants_anything}"
    return (shown, visit.law.key, str(visit.gpc), str(visit.standing.doubt), state, *visit.languages)
