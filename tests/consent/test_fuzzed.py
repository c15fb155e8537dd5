"""Whatever comes as a cookie or a form: every page is served, and nothing is granted that nobody granted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from proxy.model import ASKED, Category, Consent, Doubt, Standing
from tests.consent.asked import CLICK, FORM, SEAL, Shelf, ask, kept
from tests.consent.shop import ALL, ORIGIN, RECORD, TODAY, consent, visit
from tests.laws import LAWS

KEYS = [vendor.key for vendor in ALL]
CHOSEN = [
    consent("analytics", "social", record=RECORD),
    consent("advertising", allowed=frozenset({"video"}), refused=frozenset({"ads"}), record=RECORD),
    consent(day=TODAY - timedelta(days=100)),
    consent("marketing", record=RECORD, day=TODAY - timedelta(days=181), signal=True),
]
SEALED = [SEAL.seal(one) for one in CHOSEN]


@st.composite
def cookies(draw: st.DrawFn) -> list[str]:
    """What a browser, or somebody, may send as our cookie: a true one, one that was bent, anything."""
    values = []
    for _ in range(draw(st.integers(0, 3))):
        true = draw(st.sampled_from(SEALED))
        place = draw(st.integers(0, len(true)))
        values.append(
            draw(
                st.sampled_from(
                    [
                        true,
                        true[:place],
                        true[:place] + draw(st.characters(max_codepoint=0x2FF)) + true[place:],
                        true[:place] + draw(st.sampled_from("~!.0189aiw")) + true[place + 1 :],
                        true.partition(".")[0] + "." + draw(st.sampled_from(SEALED)).partition(".")[2],
                        f'"{true}"',
                        draw(st.text(max_size=60)),
                    ]
                )
            )
        )
    return values


@given(cookies(), st.sampled_from(LAWS), st.booleans(), st.sampled_from(["", "/receipt", "/embed/video"]))
def test_whatever_the_cookie_pages_are_served_and_nothing_is_believed_that_is_not_true(
    values: list[str], law: object, gpc: bool, path: str
) -> None:
    standing = SEAL.read(values, TODAY, 182)
    if len(set(values)) == 1 and values[0] in SEALED:
        assert standing.consent == CHOSEN[SEALED.index(values[0])]
    else:
        assert standing.consent is None
        assert (standing.doubt is None) == (not values)
    got = asyncio.run(ask("GET", f"/_consent{path}", of=visit(standing, law=law, gpc=gpc)))  # type: ignore[arg-type]
    assert got is not None
    assert got.status == 200


names = st.sampled_from(["choice", "category", "refuse", "vendor", "shown", "lang", "return_to", "confirm", "x"])
words = st.sampled_from(
    [
        "accept",
        "reject",
        "save",
        "withdraw",
        *ASKED,
        "essential",
        *KEYS,
        "gone",
        "1",
        "2",
        "999",
        "0",
        "en",
        "yes",
        "/",
        "",
    ]
)
sane = st.fixed_dictionaries(
    {
        "choice": st.sampled_from(["accept", "reject", "save", "withdraw"]),
        "category": st.lists(st.sampled_from([*ASKED, "essential"]), max_size=4),
        "refuse": st.lists(st.sampled_from(KEYS[:4]), max_size=2),
        "vendor": st.lists(st.sampled_from(KEYS[:4]), max_size=2),
        "shown": st.sampled_from([[], ["1"], ["5"]]),
        "confirm": st.sampled_from([[], ["yes"]]),
    }
).map(lambda form: urlencode(form, doseq=True).encode())
odd = st.lists(st.tuples(names, words | st.text(max_size=12)), max_size=8).map(
    lambda fields: urlencode(fields).encode()
)
bodies = sane | odd | st.binary(max_size=80)
senders = st.sampled_from(
    [
        CLICK,
        CLICK | {"sec-fetch-user": "?0"},
        CLICK | {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        CLICK | {"sec-fetch-site": "cross-site"},
        CLICK | {"origin": "https://evil.example"},
        {"origin": ORIGIN},
        {"origin": "null"},
        {},
    ]
)
PERSONS = ({"origin": ORIGIN}, CLICK)
standings = st.sampled_from([Standing(), Standing(doubt=Doubt.SIGNATURE), *map(Standing, CHOSEN)])


@given(bodies, senders, standings, st.sampled_from(LAWS), st.booleans())
def test_whatever_the_form_nothing_is_granted_that_it_does_not_grant(
    body: bytes, headers: dict[str, str], before: Standing, law: object, gpc: bool
) -> None:
    shelf = Shelf()
    got = asyncio.run(
        ask(
            "POST",
            "/_consent",
            body=body,
            headers=headers | {"content-type": FORM},
            of=visit(before, law=law, gpc=gpc),  # type: ignore[arg-type]
            records=shelf,
        )
    )
    assert got is not None
    assert got.status in (200, 303, 400, 403)
    if got.status != 303:
        assert not got.all("set-cookie")
        assert not shelf.entries
        return
    now = kept(got).consent
    if now is None:  # it was added to an answer that has lapsed meanwhile
        return
    assert _given(now) <= _asked_for(body) | (_given(before.consent) if before.consent else set())
    if headers not in PERSONS:
        assert not now.grants_anything
    if now.grants_anything:
        assert [entry.record.visitor for entry in shelf.entries] == [now.record]
        assert set(shelf.entries[0].record.granted) == now.granted
    elif shelf.entries:
        assert not shelf.entries[0].record.granted
    assert now.allowed.isdisjoint(now.refused)


def _given(given: Consent) -> set[str]:
    return {*given.granted, *given.allowed}


def _asked_for(body: bytes) -> set[str]:
    """All that a form names in any field; everything where it says to accept all."""
    text = body.decode("latin-1")
    if "choice=accept" in text:
        return {*Category, *KEYS}
    return {name for name in (*ASKED, *KEYS) if name in text}
