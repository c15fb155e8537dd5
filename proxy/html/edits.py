"""What is changed in one start tag: values replaced, attributes taken out and put in, all else as it was."""

from __future__ import annotations

from proxy.html.attributes import Attribute, encode, name_end, parse


class Edits:
    """A start tag, `<` to `>`, its attributes, and the changes to it so far. `first` holds what browsers obey: of
    attributes of one name, the first."""

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._made: dict[int, tuple[int, bytes]] = {}
        self.all = parse(tag)
        self.first = {attribute.name: attribute for attribute in self.all if attribute.first}

    def replace(self, attribute: Attribute, value: str, more: bytes = b"") -> None:
        """Another value, and after it, if any, `more` attributes, with a space before each."""
        self._made[attribute.value_start] = attribute.end, encode(value, attribute.quote) + attribute.quote + more

    def follow(self, attribute: Attribute, more: bytes) -> None:
        """`more` attributes after this one, with a space before each."""
        self._made[attribute.value_start] = attribute.end, attribute.raw + attribute.quote + more

    def lead(self, more: bytes) -> None:
        """`more` attributes right after the element's name."""
        at = name_end(self._tag)
        end, behind = self._made.get(at, (at, b""))
        self._made[at] = end, more + behind

    def precede(self, markup: bytes) -> None:
        """Markup before the tag."""
        self._made[0] = 0, markup

    def drop(self, attribute: Attribute) -> None:
        """Takes one attribute out; the white space around it stays."""
        self._made[attribute.start] = attribute.end, b""

    def remove(self, *names: bytes) -> None:
        """Takes attributes out, each with the white space before it where what follows stays apart."""
        before = name_end(self._tag)
        for attribute in self.all:
            if attribute.name in names:
                self._made.pop(attribute.value_start, None)
                start = attribute.start
                if self._tag[attribute.end] in b"\t\n\f\r >":
                    start = before + len(self._tag[before:start].rstrip(b"\t\n\f\r "))
                self._made[start] = attribute.end, b""
            before = attribute.end

    def written(self) -> bytes | None:
        """The tag with all changes; None where there are none."""
        if not self._made:
            return None
        out: list[bytes] = []
        at = 0
        for start in sorted(self._made):
            end, replacement = self._made[start]
            out += (self._tag[at:start], replacement)
            at = end
        out.append(self._tag[at:])
        return b"".join(out)
