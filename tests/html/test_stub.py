"""The script that stands in for a cut one: read here as text, run in Node where that is there."""

from __future__ import annotations

import re
import subprocess
from typing import Literal

import pytest

from proxy.catalogue.schema import Vendor
from proxy.html.stub import stub
from tests.html.pages import everything
from tests.places import NODE


def node(program: str) -> tuple[str, str]:
    """What a script prints and complains of."""
    done = subprocess.run([NODE or "", "-e", program], capture_output=True, text=True, timeout=30)
    return done.stdout, done.stderr


def vendor_with(**globals_: Literal["function", "array", "object", "promise", "caller"]) -> Vendor:
    vendor = everything().vendors["meta-pixel"]
    named = {name.replace("__", "."): kind for name, kind in globals_.items()}
    return vendor.model_copy(update={"technical": vendor.technical.model_copy(update={"stub": named})})


def test_what_a_stub_is_made_of() -> None:
    script = stub(everything().vendors["google-analytics"])
    assert script == stub(everything().vendors["google-analytics"])
    assert b'define("gtag", "function")' in script
    script.decode("ascii")
    assert not re.search(
        rb"=>|`|\?\.|\?\?|\blet\b|\bconst\b|async|fetch|XMLHttp|sendBeacon|Image|ookie|torage|http", script
    )


@pytest.mark.parametrize("key", sorted(everything().vendors))
def test_every_vendors_stub_defines_its_globals(key: str) -> None:
    vendor = everything().vendors[key]
    script = stub(vendor).decode()
    assert re.findall(r'^  define\("(.+)", "(.+)"\);$', script, re.M) == list(vendor.technical.stub.items())


def test_a_third_party_that_nobody_describes_has_no_globals_and_is_told_why() -> None:
    script = stub(None)
    assert re.fullmatch(rb"/\* [^*]*choice[^*]* \*/\n", script)
    assert script.isascii()
    assert stub(vendor_with()) == script


@pytest.mark.node
@pytest.mark.parametrize("proxies", [True, False], ids=["with Proxy", "without"])
def test_what_the_shops_own_code_may_do(proxies: bool) -> None:
    script = stub(vendor_with(fbq="function", layer="array", Ya__Metrika="object", amplitude="object", kept="function"))
    common = """
        if (fbq("track", function () { called++; }) !== undefined) throw 1;
        fbq.queue.push(1); fbq.version = "2"; if (fbq.version !== "2") throw 2;
        amplitude.init("key", null, function () { called++; });
        layer.push({a: 1}); if (layer.length) throw 3;
        if (kept() !== 7) throw 4;
        new Ya.Metrika({id: 1});
    """
    chains = """
        fbq.callMethod.apply(fbq, [1]);
        new Ya.Metrika({}).hit("x").y.z();
        amplitude.getInstance().init("key").more;
        if ("" + amplitude.getId() !== "") throw 5;
        if (amplitude.isFeatureEnabled("x") || amplitude.has_opted_in()) throw 6;
        for (var one of amplitude.list()) throw 7;
        if (amplitude.then !== undefined || fbq.then !== undefined) throw 8;
        JSON.stringify({a: amplitude});
        if (Array.from(amplitude.all()).length) throw 9;
        fbq(function () { called++; });
        if ("" + amplitude.getInstance().name !== "" || "" + amplitude.name("x") !== "") throw 11;
        amplitude.name = "mine"; amplitude.length = 3;
        if (amplitude.name !== "mine" || amplitude.length !== 3) throw 12;
    """
    program = f"""
        "use strict";
        var window = globalThis, called = 0;
        {"" if proxies else "delete globalThis.Proxy;"}
        window.kept = function () {{ return 7; }};
        {script.decode()}
        {common}{chains if proxies else ""}
        if (called) throw 10;
        (async function () {{ await {"amplitude" if proxies else "1"}; console.log("fine"); }})();
    """
    assert node(program) == ("fine\n", "")


@pytest.mark.node
@pytest.mark.parametrize("proxies", [True, False], ids=["with Proxy", "without"])
def test_a_page_that_waits_goes_on(proxies: bool) -> None:
    """A link that is followed when an event is sent; a page hidden until it is tested; what was queued before."""
    program = f"""
        var window = globalThis, gone = [], shown = false;
        function on(name) {{ return function () {{ gone.push(name); }}; }}
        {"" if proxies else "delete globalThis.Proxy;"}
        window.dataLayer = [{{event: "a", eventCallback: on("before")}}];
        dataLayer.hide = {{end: function () {{ shown = true; }}}};
        window.ga = function () {{ (ga.q = ga.q || []).push(arguments); }};
        ga("send", "event", {{hitCallback: on("ga before")}});
        window.frozen = Object.freeze([]);
        {stub(vendor_with(gtag="function", dataLayer="array", ga="function", layer="array", frozen="array")).decode()}
        {stub(vendor_with(dataLayer="array", layer="array")).decode()}
        if (!shown || gone.length || dataLayer.length !== 1) throw 1;
        gtag("event", "b", {{event_callback: on("gtag")}});
        ga("send", {{hitCallback: on("ga"), onload_callback: on("old")}});
        (function () {{ dataLayer.push(arguments); }})("event", "c", {{event_callback: on("arguments")}});
        layer.push({{eventCallback: on("layer")}}, null, "text", 7);
        if (dataLayer.length !== 2 || layer.length) throw 2;
        setTimeout(function () {{ console.log(gone.join()); }}, 20);
    """
    assert node(program) == ("before,ga before,gtag,ga,old,arguments,layer\n", "")


@pytest.mark.node
@pytest.mark.parametrize("proxies", [True, False], ids=["with Proxy", "without"])
def test_members_of_what_the_page_made_and_of_what_the_stub_made(proxies: bool) -> None:
    names = vendor_with(
        made__cmd="array",
        made__ads="function",
        kept__ads="function",
        own="object",
        own__isKnown="promise",
        cold__x="object",
    )
    program = f"""
        "use strict";
        var window = globalThis;
        {"" if proxies else "delete globalThis.Proxy;"}
        window.made = {{cmd: [1]}};
        window.kept = {{ads: function () {{ return 7; }}}};
        window.cold = Object.freeze({{}});
        {stub(names).decode().replace('"use strict";', "")}
        {stub(names).decode()}
        made.cmd.push(2); made.ads("x");
        if (made.cmd.length !== 2 || kept.ads() !== 7 || Object.keys(cold).length) throw 1;
        own.isKnown().then(function (known) {{ if (known === false) console.log("fine"); }});
    """
    assert node(program) == ("fine\n", "")


@pytest.mark.node
def test_what_waits_for_a_promise_goes_on() -> None:
    program = f"""
        var window = globalThis, gone = [];
        {stub(vendor_with(player="object")).decode()}
        player.play().catch(function () {{ throw 1; }});
        player.ready().then(function (answer) {{ gone.push("then" + answer); }})
            .finally(function () {{ gone.push("last"); }});
        (async function () {{
            var answer = await player.getDuration();
            if (answer.then !== undefined || "" + answer.more !== "") throw 2;
            console.log(gone.join());
        }})();
    """
    assert node(program) == ("then,last\n", "")


@pytest.mark.node
@pytest.mark.parametrize("proxies", [True, False], ids=["with Proxy", "without"])
def test_the_shops_own_work_inside_a_vendors_call_is_done(proxies: bool) -> None:
    names = vendor_with(
        Sentry="object", Sentry__startSpan="caller", sa_event="caller", late_event="caller", kept="caller"
    )
    program = f"""
        "use strict";
        var window = globalThis, gone = [];
        {"" if proxies else "delete globalThis.Proxy;"}
        function loader(name) {{
            return function () {{ var q = window[name].q; q ? q.push(arguments) : (window[name].q = [arguments]); }};
        }}
        window.sa_event = loader("sa_event");
        window.late_event = loader("late_event");
        window.kept = function (work) {{ return 7; }};
        sa_event("a", {{}}, function () {{ gone.push("before"); }});
        {stub(names).decode().replace('"use strict";', "")}
        if (Sentry.startSpan({{name: "sum"}}, function (span) {{ return span ? 9 : 0; }}) !== 9) throw 1;
        if (kept(function () {{ throw 2; }}) !== 7) throw 3;
        try {{ Sentry.startSpan({{}}, function () {{ throw 4; }}); throw 5; }}
        catch (error) {{ if (error !== 4) throw error; }}
        sa_event("b", function () {{ gone.push("after"); }});
        late_event("c", function () {{ gone.push("late"); }});
        setTimeout(function () {{ console.log(gone.join()); }}, 20);
    """
    assert node(program) == ("before,after,late\n", "")
