"""The inert first-party script that stands where a cut script stood, with the globals that the shop's code may call.

Rules of this file: what a stub defines stores nothing, sends nothing and hears of nothing. It calls back only what a
page waits for before it goes on: where a link or form is followed when an event is sent (Google's `event_callback`,
`eventCallback`, `hitCallback`, `onload_callback`), where a page stays hidden until it is tested (`dataLayer.hide`,
Google's anti-flicker snippet), what the vendor file says that the shop's own work is done in (`Sentry.startSpan`), and
what waits for a promise of its. A global that is already there is left in place; only what waits in its queue, or is
put there, is called back. A member that the vendor file names (`googletag.pubads`)
is added where the page's own loader made the object. Only syntax that ES2015 engines read, and no error in engines
without `Proxy`. The same vendor's stub is always the same bytes.
"""

from __future__ import annotations

from functools import lru_cache

from proxy.catalogue.schema import Vendor

# `inert()` is a function that swallows every call and has every member, each of the same kind, so that a chain of any
# length is safe. All but the global itself is also a promise, kept at once with one of its kind that is none (`await`
# would wait for ever). It is empty text, no number of items, and its members that ask a question (isFeatureEnabled,
# has_opted_in, isSignedIn.get) say no; where the answer is a promise, the vendor file says so. What is assigned to it
# is there when read again.
_SCRIPT = """\
(function (root) {
  "use strict";
  function nothing() {}
  function no() { return false; }
  no.get = no;
  no.listen = nothing;
  function blank() { return ""; }
  var symbols = typeof Symbol === "function" ? Symbol : {};
  var answers = { then: undefined, "catch": undefined, "finally": undefined, toJSON: undefined, length: 0 };
  var unset = { value: undefined, writable: true };
  answers.toString = answers.valueOf = answers.toLocaleString = blank;
  function resume(given, calls) {
    if (calls && typeof given === "function") { setTimeout(function () { given(); }, 0); }
    if (given === null || typeof given !== "object") { return; }
    ["event_callback", "eventCallback", "hitCallback", "onload_callback"].forEach(function (name) {
      if (typeof given[name] === "function") { setTimeout(function () { given[name](); }, 0); }
    });
  }
  function answer(call, calls) {
    Array.prototype.forEach.call(call, function (given) { resume(given, calls); });
  }
  function answerAll(items, calls) {
    for (var i = 0; i < items.length; i++) {
      if (items[i] !== null && typeof items[i] === "object" && "length" in items[i]) { answer(items[i], calls); }
      resume(items[i]);
    }
  }
  function attend(items, calls) {
    var push = items.push;
    if (items.hide && typeof items.hide.end === "function") { items.hide.end(); }
    if (Object.isFrozen(items) || Object.prototype.hasOwnProperty.call(items, "attended")) { return items; }
    Object.defineProperty(items, "attended", { value: true });
    answerAll(items, calls);
    items.push = function () {
      answerAll(arguments, calls);
      return push.apply(items, arguments);
    };
    return items;
  }
  function member(target, name) {
    if (Object.prototype.hasOwnProperty.call(target, name) && name !== "prototype") {
      if (target[name] !== undefined || (name !== "name" && name !== "length")) { return target[name]; }
    }
    if (typeof name === "symbol") {
      return name === symbols.toPrimitive ? blank : name === symbols.iterator ? [][name].bind([]) : undefined;
    }
    if (Object.prototype.hasOwnProperty.call(answers, name)) { return answers[name]; }
    return /^(is|has)(?![a-z])/.test(name) ? no : inert(true, true);
  }
  function promised(name) {
    var kept = Promise.resolve(inert(true));
    return typeof kept[name] === "function" ? kept[name].bind(kept) : undefined;
  }
  function inert(chains, promises) {
    var swallow = function () { answer(arguments); };
    if (typeof Proxy !== "function") {
      "init create config set get track page identify push on off send event load ready".split(" ").forEach(
        function (name) { swallow[name] = nothing; }
      );
      swallow.queue = [];
      return swallow;
    }
    Object.defineProperties(swallow, { name: unset, length: unset });
    return new Proxy(swallow, {
      apply: function (target, self, given) {
        target.apply(self, given);
        return chains ? inert(true, true) : undefined;
      },
      construct: function () { return inert(true, true); },
      get: function (target, name) {
        return promises && /^(then|catch|finally)$/.test(String(name)) ? promised(name) : member(target, name);
      }
    });
  }
  function list() {
    var items = [];
    items.push = items.unshift = function () { return 0; };
    return attend(items);
  }
  function asked() {
    return function () {
      answer(arguments);
      return Promise.resolve(false);
    };
  }
  function caller() {
    return function () {
      answer(arguments);
      for (var i = 0; i < arguments.length; i++) {
        if (typeof arguments[i] === "function") { return arguments[i](inert(true)); }
      }
      return inert(true, true);
    };
  }
  var kinds = {
    "function": inert, object: function () { return inert(true); }, array: list, promise: asked, caller: caller
  };
  var made = [];
  function define(path, kind) {
    var names = path.split("."), last = names.pop(), holder = root;
    for (var i = 0; i < names.length; i++) {
      if (holder[names[i]] === undefined || holder[names[i]] === null) { holder[names[i]] = {}; }
      holder = holder[names[i]];
    }
    var there = holder[last], calls = kind === "caller";
    if (calls && typeof there === "function" && there.q === undefined) { there.q = []; }
    var queue = (calls || kind === "function") && there ? there.q : there;
    if (kind !== "object" && Array.isArray(queue)) { attend(queue, calls); }
    if (there === undefined || made.indexOf(holder) !== -1) {
      try { made.push(holder[last] = kinds[kind]()); } catch (error) { /* frozen by the shop's own code: left alone */ }
    }
  }
"""


_NOTHING = (
    b"/* A third party's script stood here that this visitor's choice does not let in: this one does nothing. */\n"
)


@lru_cache(maxsize=1024)
def _stub(globals_: tuple[tuple[str, str], ...]) -> bytes:
    if not globals_:
        return _NOTHING
    defined = "".join(f'  define("{name}", "{kind}");\n' for name, kind in globals_)
    return f'{_SCRIPT}{defined}}})(typeof window === "undefined" ? self : window);\n'.encode("ascii")


def stub(vendor: Vendor | None) -> bytes:
    """The script for a cut vendor (None: for a cut third party that no file describes). ASCII, inert, never empty."""
    return _stub(tuple(vendor.technical.stub.items()) if vendor is not None else ())
