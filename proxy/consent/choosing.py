"""A choice taken over: read, judged, put on record, and only then answered with the cookie that says it.

Rules of this file: a choice that was answered is on record. What grants something and cannot be put on record is not
taken, since nobody could prove it; a refusal holds whatever happens. A robot chooses nothing and leaves no record.
"""

from __future__ import annotations

from datetime import date, datetime

from starlette.types import Scope

from proxy.catalogue.use import InUse
from proxy.consent.answer import Answer, failure, header, words_for
from proxy.consent.choice import Occasion, Sender, choose, is_robot, sender, takes_another_step
from proxy.consent.confirm import confirm_page
from proxy.consent.cookie import set_cookie
from proxy.consent.doors import Doors
from proxy.consent.form import Form, NotTaken, Why, parse_body, read_form, return_path
from proxy.consent.language import choose_language
from proxy.consent.notice import notice_for
from proxy.consent.pages import page_headers
from proxy.consent.records import Entry, Event, NotKept, Record
from proxy.consent.records.record import record_of, says_nothing_new
from proxy.consent.site import Site
from proxy.decide import Grounds
from proxy.model import Consent, How, Standing, Visit


async def take_choice(doors: Doors, site: Site, scope: Scope, body: bytes) -> Answer:
    """POST of the choice form: 303 back with the new cookie, or a page that says why nothing was changed."""
    visit: Visit = scope["consentry.visit"]
    headers, now = scope["headers"], doors.now()
    who = sender(headers, site.origin)
    try:
        fields = parse_body(header(scope, b"content-type").decode("latin-1"), body)
        form = read_form(fields, site.optional, site.prefix)
        occasion = _occasion(site.use, visit, now.date())
        consent = choose(form, who, occasion, doors.new_record())
    except NotTaken as not_taken:
        return failure(400 if not_taken.status == 400 else 403, site, scope, not_taken.why)
    if is_robot(headers):
        return _back(form.return_to, [])
    if takes_another_step(form, occasion):
        t, _ = words_for(site, scope, {})
        return Answer(200, page_headers(t), confirm_page(site, t, fields, form.return_to))
    if not says_nothing_new(visit.standing, consent):
        try:
            await doors.records.keep(await _entry(doors, site, visit, form, consent, _proof(who, headers), now))
        except NotKept:
            if consent.grants_anything:
                return failure(503, site, scope, Why.NOT_KEPT)
        if not consent.grants_anything and (held := visit.standing.record) is not None:
            doors.forget(held)
    return _taken(doors, site, scope, consent, form.return_to, now.date())


def _occasion(use: InUse, visit: Visit, today: date) -> Occasion:
    return Occasion(use.vendors, use.asked, use.version, visit.standing, visit.law, visit.gpc, today)


async def take_erasure(doors: Doors, site: Site, scope: Scope, body: bytes) -> Answer:
    """POST of the receipt's form: everything is withdrawn, and what is on record of this visitor is erased."""
    visit: Visit = scope["consentry.visit"]
    now = doors.now()
    try:
        fields = dict(parse_body(header(scope, b"content-type").decode("latin-1"), body))
        if fields.keys() - {"return_to"} != {"erase"}:
            raise NotTaken(400, Why.MALFORMED)
        if sender(scope["headers"], site.origin) is Sender.FOREIGN:
            raise NotTaken(403, Why.FOREIGN)
    except NotTaken as not_taken:
        return failure(400 if not_taken.status == 400 else 403, site, scope, not_taken.why)
    held = visit.standing.record
    if held is not None:
        record = Record(site.records, _milliseconds(now), Event.ERASURE, "erase", law=visit.law.key, gpc=visit.gpc)
        try:
            await doors.records.keep(Entry(doors.new_record(), record, erases=held))
        except NotKept:
            return failure(503, site, scope, Why.NOT_KEPT)
        doors.forget(held)
    nothing: frozenset[str] = frozenset()
    consent = Consent(
        site.use.version, now.date(), frozenset(), nothing, nothing, visit.law.regime, How.WITHDRAW, signal=False
    )
    way_back = return_path(fields.get("return_to", "/"), site.prefix)
    return _taken(doors, site, scope, consent, way_back, now.date())


async def _entry(
    doors: Doors, site: Site, visit: Visit, form: Form, consent: Consent, proven: str, now: datetime
) -> Entry:
    language = form.language or choose_language(None, visit.languages)
    saw = form.shown == site.use.version
    notice = await notice_for(site, language, visit.law, visit.gpc) if saw else None
    record = record_of(
        site.records,
        _milliseconds(now),
        consent,
        visit.standing,
        visit.law,
        gpc=visit.gpc,
        region=visit.region,
        language=language,
        notice=notice.digest if notice else None,
        proven=proven,
    )
    return Entry(doors.new_record(), record, notice.body if notice else None)


def _proof(who: Sender, headers: list[tuple[bytes, bytes]]) -> str:
    """What showed that a person chose: the browser's word on a click, the form's origin, or nothing."""
    if who is not Sender.PERSON:
        return ""
    return "click" if any(name.lower() == b"sec-fetch-user" for name, _ in headers) else "origin"


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _taken(doors: Doors, site: Site, scope: Scope, consent: Consent, way_back: str, today: date) -> Answer:
    """303 back, with the cookie that says it, and without those of vendors that are not allowed now."""
    visit: Visit = scope["consentry.visit"]
    days = doors.seal.days_left(consent, site.days(visit.law), today, lapses=visit.law.lapses)
    cookie = set_cookie(site.origin, site.domain, doors.seal.seal(consent), days)
    return _back(way_back, [cookie, *doors.expire(scope, Grounds(Standing(consent), visit.law, visit.gpc))])


def _back(way_back: str, cookies: list[bytes]) -> Answer:
    return Answer(
        303,
        [
            (b"location", way_back.encode("ascii")),
            *((b"set-cookie", value) for value in cookies),
            (b"clear-site-data", b'"cache"'),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"same-origin"),
        ],
    )
