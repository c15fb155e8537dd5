"""The inert first-party script that stands where a cut script stood, with the globals that the shop's code may call.

Rules of this file: what a stub defines stores nothing, sends nothing and calls nothing back. A global that is already
there is left alone. Only syntax that ES2015 engines read, and no error in engines without `Proxy`. The same vendor's
stub is always the same bytes.
"""

from __future__ import annotations

from functools import lru_cache

from proxy.catalogue.schema import Vendor

# `inert()` is a function that swallows every call and has every member, each of the same kind, so that a chain of any
# length is safe. It is no thenable (`await` would wait for ever), it is empty text, no number of items, and its members
# that ask a question (isFeatureEnabled, has_opted_in) say no. What is assigned to it is there when read again.
_SCRIPT = """\
(function (root) {
  "use strict";
  function nothing() {}
  function no() { return false; }
  function blank() { return ""; }
  var symbols = typeof Symbol === "function" ? Symbol : {};
  var answers = { then: undefined, "catch": undefined, "finally": undefined, toJSON: undefined, length: 0 };
  answers.toString = answers.valueOf = answers.toLocaleString = blank;
  function member(target, name) {
    if (Object.prototype.hasOwnProperty.call(target, name) && name !== "prototype" && name !== "length") {
      return target[name];
    }
    if (typeof name === "symbol") {
      return name === symbols.toPrimitive ? blank : name === symbols.iterator ? [][name].bind([]) : undefined;
    }
    if (Object.prototype.hasOwnProperty.call(answers, name)) { return answers[name]; }
    return /^(is|has)(?![a-z])/.test(name) ? no : inert(true);
  }
  function inert(chains) {
    var swallow = function () {};
    if (typeof Proxy !== "function") {
      "init create config set get track page identify push on off send event load ready".split(" ").forEach(
        function (name) { swallow[name] = nothing; }
      );
      swallow.queue = [];
      return swallow;
    }
    return new Proxy(swallow, {
      apply: function () { return chains ? inert(true) : undefined; },
      construct: function () { return inert(true); },
      get: member
    });
  }
  function list() {
    var items = [];
    items.push = items.unshift = function () { return 0; };
    return items;
  }
  var kinds = { "function": inert, object: function () { return inert(true); }, array: list };
  function define(path, kind) {
    var names = path.split("."), last = names.pop(), holder = root;
    for (var i = 0; i < names.length; i++) {
      if (holder[names[i]] === undefined || holder[names[i]] === null) { holder[names[i]] = {}; }
      holder = holder[names[i]];
    }
    if (holder[last] === undefined) {
      try { holder[last] = kinds[kind](); } catch (error) { /* frozen by the shop's own code: left alone */ }
    }
  }
"""


@lru_cache(maxsize=1024)
def _stub(globals_: tuple[tuple[str, str], ...]) -> bytes:
    if not globals_:
        return b"/* Stands where a third party's script stood. */\n"
    defined = "".join(f'  define("{name}", "{kind}");\n' for name, kind in globals_)
    return f'{_SCRIPT}{defined}}})(typeof window === "undefined" ? self : window);\n'.encode("ascii")


def stub(vendor: Vendor | None) -> bytes:
    """The script for a cut vendor (None: for a blocked third party that no file describes). ASCII, inert."""
    return _stub(tuple(vendor.technical.stub.items()) if vendor is not None else ())
