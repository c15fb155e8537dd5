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
