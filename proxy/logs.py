"""Log lines: to stderr, one a line, `time level who event facts…`, every value written so that it cannot end its line.

What is logged, and that nothing of a visitor is in it, is up to those who log. Other libraries are heard from warnings
up. A traceback, which only a fault of ours makes, follows its line; in JSON it is the fact `exception`.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_ADDED: tuple[Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)
_FACTS = structlog.processors.KeyValueRenderer()


def configure_logs(form: Literal["text", "json"] = "text") -> None:
    """For this process: lines for people, or JSON. structlog's loggers and the standard library's come out alike."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_ADDED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_ADDED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _line if form == "text" else structlog.processors.JSONRenderer(sort_keys=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("proxy").setLevel(logging.INFO)


def _line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    trace = event.pop("exception", None)
    head = " ".join(str(event.pop(part)) for part in ("timestamp", "level", "logger"))
    said = repr(event.pop("event"))[1:-1]
    facts = str(_FACTS(logger, name, event))
    return " ".join(filter(None, [head, said, facts])) + (f"\n{trace}" if trace else "")
