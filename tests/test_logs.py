from __future__ import annotations

import json
import re
import subprocess
import sys

PROGRAM = """
import logging, structlog
from proxy.logs import configure_logs
early = structlog.get_logger("proxy.early")
configure_logs()
early.error("storefront failed", storefront="127.0.0.1:1", detail="line\\nbreak \\x1b[31m")
logging.getLogger("proxy.relay").info("no answer of %s", "ve\\nndor")
logging.getLogger("httpx").info("https://shop.example/?secret")
logging.getLogger("httpx").warning("slow")
structlog.get_logger("proxy.early").debug("not said")
try:
    1 / 0
except ZeroDivisionError:
    early.exception("fault")
"""


def test_every_logger_comes_out_alike_and_no_value_ends_its_line() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    time = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
    for line, wanted in zip(
        lines,
        [
            r"error proxy\.early storefront failed storefront='127\.0\.0\.1:1' detail='line\\nbreak \\x1b\[31m'",
            r"info proxy\.relay no answer of ve\\nndor",
            r"warning httpx slow",
            r"error proxy\.early fault",
            r"Traceback .*",
        ],
        strict=False,
    ):
        assert re.fullmatch(rf"(?:{time} )?{wanted}", line), line
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_as_json_each_line_is_one_object() -> None:
    program = PROGRAM.replace("configure_logs()", 'configure_logs("json")')
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, *_, last = [json.loads(line) for line in done.stderr.splitlines()]
    assert first["detail"] == "line\nbreak \x1b[31m"
    assert (first["level"], first["logger"], first["event"]) == ("error", "proxy.early", "storefront failed")
    assert "ZeroDivisionError" in last["exception"]
