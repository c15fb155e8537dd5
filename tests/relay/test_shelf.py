from __future__ import annotations

from proxy.relay.shelf import Shelf


def test_a_shelf_holds_no_more_than_it_has_room_for() -> None:
    shelf: Shelf[str, bytes] = Shelf(10, len)
    for key, value in (("a", b"1234"), ("b", b"1234")):
        shelf.put(key, value)
    assert shelf.get("a") == b"1234"
    shelf.put("c", b"1234")
    assert (shelf.get("a"), shelf.get("b"), shelf.get("c")) == (b"1234", None, b"1234")
    shelf.put("c", b"1")
    shelf.put("d", b"12345")
    assert (shelf.get("a"), shelf.get("c"), shelf.get("d")) == (b"1234", b"1", b"12345")
    shelf.put("e", b"12345678901")
    assert shelf.get("e") is None
    shelf.drop("a")
    assert shelf.get("a") is None
