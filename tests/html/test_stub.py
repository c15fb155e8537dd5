"""The script that stands in for a cut one: read here as text, run in Node where that is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Literal

import pytest

from proxy.catalogue.schema import Vendor
from proxy.html.stub import stub
from tests.html.pages import everything

NODE = shutil.which("node")


def vendor_with(**globals_: Literal["function", "array", "object"]) -> Vendor:
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


def test_an_unknown_third_party_has_no_globals() -> None:
    assert b"define" not in stub(None)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
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
    done = subprocess.run([NODE or "", "-e", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("fine\n", "")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
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
        ga("send", {{hitCallback: on("ga")}});
        (function () {{ dataLayer.push(arguments); }})("event", "c", {{event_callback: on("arguments")}});
        layer.push({{eventCallback: on("layer")}}, null, "text", 7);
        if (dataLayer.length !== 2 || layer.length) throw 2;
        setTimeout(function () {{ console.log(gone.join()); }}, 20);
    """
    done = subprocess.run([NODE or "", "-e", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("before,ga before,gtag,ga,arguments,layer\n", "")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
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
    done = subprocess.run([NODE or "", "-e", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("then,last\n", "")
