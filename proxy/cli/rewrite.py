"""`consentry rewrite`: the page rewriting alone, from files or standard input.

A file in `--out` is whole or not there: it is written beside its name and moved there when done. One file that cannot
be read or rewritten does not keep the others from it; all that went wrong is told at the end.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, BinaryIO

import typer
from rich.progress import Progress

from proxy.cli.console import err, say
from proxy.cli.files import cannot
from proxy.cli.options import ConfigFile, Unknown, VendorDirs, load_all
from proxy.cli.pages import CANONICAL, DEFAULT_SITE, Rewriting, read_grant, rewritten, site_of_page, web_address
from proxy.errors import Problem, Refused
from proxy.html.page import CannotRewrite, TagReport
from proxy.http.charset import CannotRead

#: Bytes read at a time where `--chunk` does not say.
_PIECE = 64 * 1024

#: How `--report` names the page that came from standard input.
_STDIN = "-"


def rewrite(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Pages. None: standard input.", show_default=False)
    ] = None,
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    grant: Annotated[
        str, typer.Option(metavar="GRANT", help="all, none, or CATEGORY and vendor:KEY with commas between them.")
    ] = "none",
    unknown: Annotated[
        Unknown | None, typer.Option(help="What becomes of third parties that no file describes.", show_default="allow")
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(
            metavar="URL|canonical",
            help="Whose page it is; hosts of the same registrable domain are first party. canonical: each page's own "
            "canonical link says it.",
            show_default=f"origin of the settings, else {DEFAULT_SITE}",
        ),
    ] = None,
    no_banner: Annotated[bool, typer.Option("--no-banner", help="Put neither banner nor footer in.")] = False,
    chunk: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Feed N bytes at a time; never changes a byte.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JSON line for each tag; - is standard error.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write each FILE here, under the same name.")] = None,
) -> None:
    """Rewrite pages as the proxy would, by the defaults of --dev.

    One page:  consentry rewrite < page.html > cut.html

    Many:  consentry rewrite --site canonical --report tags.jsonl --out cut pages/*.html
    """
    pages = files or []
    _check_usage(pages, out, site)
    loaded = load_all(config, vendors, dev=True, unknown=unknown.value if unknown else None).of(site)
    try:
        standing = read_grant(grant, loaded.use, datetime.now(UTC).date())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--grant") from None
    use = loaded.use.granting_undescribed() if grant == "all" else loaded.use
    rewriting = Rewriting(loaded.settings, use, standing, with_banner=not no_banner)
    with ExitStack() as open_files:
        run = _Run(rewriting, site or loaded.settings.origin or DEFAULT_SITE, chunk, _reporter(report, open_files))
        if out is not None:
            run.into_folder(pages, out)
        else:
            run.to_stdout(pages[0] if pages else None)


def _check_usage(pages: Sequence[Path], out: Path | None, site: str | None) -> None:
    if out is None and len(pages) > 1:
        raise typer.BadParameter(f"{len(pages)} pages need a folder to go to; add --out DIR", param_hint="FILE")
    if out is not None and not pages:
        raise typer.BadParameter("--out needs the names of files; standard input has none", param_hint="--out")
    twice = [name for name, count in Counter(page.name for page in pages).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"several files are named {twice[0]}; --out can hold one", param_hint="FILE")
    if out is not None and any(page.parent.resolve() == out.resolve() for page in pages):
        raise typer.BadParameter(f"{out} is where the pages come from; they would be overwritten", param_hint="--out")
    if site is not None and site != CANONICAL:
        try:
            web_address(site)
        except ValueError as error:
            raise typer.BadParameter(f"{error}; write one, or {CANONICAL}", param_hint="--site") from None


_Reporter = Callable[[str], Callable[[TagReport], None] | None]


def _reporter(report: Path | None, open_files: ExitStack) -> _Reporter:
    """For each page's name, what writes its tags down; None where nobody asked."""
    if report is None:
        return lambda _: None
    lines: IO[str]
    if str(report) == "-":
        lines = sys.stderr
    else:
        try:
            lines = open_files.enter_context(report.open("w", encoding="utf-8"))
        except OSError as error:
            raise Refused([cannot(report, "written", error, place="--report")]) from None
    return lambda page: lambda tag: print(_report_line(page, tag), file=lines)


def _report_line(page: str, tag: TagReport) -> str:
    return json.dumps({"page": page, **asdict(tag)})


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command: what is the same for every page of it."""

    rewriting: Rewriting
    site: str
    chunk: int | None
    reporter: _Reporter

    def to_stdout(self, page: Path | None) -> None:
        name = _STDIN if page is None else str(page)
        if page is None and sys.stdin.isatty():
            say("Reading a page from the keyboard; Ctrl-D ends it.")
        try:
            source = sys.stdin.buffer if page is None else page.open("rb")
        except OSError as error:
            raise Refused([cannot(Path(name), "read", error)]) from None
        with source:
            try:
                for piece in self._rewritten(name, source):
                    sys.stdout.buffer.write(piece)
                    sys.stdout.buffer.flush()
            except (CannotRead, CannotRewrite) as error:
                raise Refused([_not_rewritten(name, error)]) from None

    def into_folder(self, pages: Sequence[Path], folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused([cannot(folder, "written", error, place="--out")]) from None
        problems: list[Problem] = []
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            for page in progress.track(pages, description="Rewriting"):
                problems.extend(self._into(folder / page.name, page))
        say(f"{len(pages) - len(problems)} of {len(pages)} pages are in {folder}")
        if problems:
            raise Refused(problems)

    def _into(self, target: Path, page: Path) -> Iterator[Problem]:
        beside = target.with_name(f".{target.name}.part")
        try:
            with page.open("rb") as source, beside.open("wb") as written:
                written.writelines(self._rewritten(str(page), source))
            beside.replace(target)
        except (CannotRead, CannotRewrite) as error:
            yield _not_rewritten(str(page), error)
        except OSError as error:
            yield cannot(Path(error.filename or page), "rewritten", error, place=str(page))
        finally:
            beside.unlink(missing_ok=True)

    def _rewritten(self, name: str, source: BinaryIO) -> Iterable[bytes]:
        address = self.site
        pieces = _pieces(source, self.chunk)
        if address == CANONICAL:
            content = b"".join(pieces)
            address = site_of_page(content) or ""
            if not address:
                address = self.rewriting.settings.origin or DEFAULT_SITE
                say(f"{name}: no canonical link; taken to be a page of {address}")
            pieces = _cut(content, self.chunk)
        return rewritten(pieces, self.rewriting.page(address, self.reporter(name)))


def _pieces(source: BinaryIO, chunk: int | None) -> Iterator[bytes]:
    read = source.read if chunk else source.read1  # type: ignore[attr-defined]  # both kinds of source have it
    while piece := read(chunk or _PIECE):
        yield piece


def _cut(content: bytes, chunk: int | None) -> Iterator[bytes]:
    size = chunk or _PIECE
    return (content[start : start + size] for start in range(0, len(content), size))


def _not_rewritten(page: str, error: CannotRead | CannotRewrite) -> Problem:
    return Problem(page, None, "", f"cannot be rewritten: {error}.", "The proxy would not let it through.")
