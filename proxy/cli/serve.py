"""`consentry serve`: check everything, take the sockets, say what is about to run, run it.

Nothing is started while anything is wrong: settings, vendor files, state folder and both addresses are checked first,
and all that is wrong with them is told at once.
"""

from __future__ import annotations

import functools
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from proxy.catalogue.load import Catalogue, catalogue_of
from proxy.cli.console import out, print_facts, say
from proxy.cli.options import AdminOption, ConfigFile, ListenOption, Loaded, StateFolder, VendorDirs, load_all
from proxy.consent.asked import new_purposes, newcomers, remember
from proxy.consent.records.opening import place_of
from proxy.errors import Problem, Refused
from proxy.events.opening import outbox_place
from proxy.listen import ListenAddress, address_of, bind, same_place
from proxy.logs import configure_logs
from proxy.model import Reach
from proxy.serve import run, run_unserved

if TYPE_CHECKING:
    from proxy.catalogue.known import Known
    from proxy.catalogue.schema import Vendor
    from proxy.catalogue.use import InUse
    from proxy.reloading import Background, Served
    from proxy.settings import Limits, Settings
    from proxy.workers import Work

#: So many vendors are named at the start; more are only counted.
_NAMED = 12
_DEFAULT_PORTS = {"http": 80, "https": 443}


def serve(
    storefront: Annotated[
        str | None, typer.Option(metavar="URL", help="The web server to put the proxy in front of.")
    ] = None,
    listen: ListenOption = "127.0.0.1:8000",  # type: ignore[assignment]  # typer parses defaults, too
    admin: AdminOption = "127.0.0.1:8001",  # type: ignore[assignment]
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    state: StateFolder = Path("consentry-state"),
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Processes that serve.")] = 1,
    dev: Annotated[
        bool,
        typer.Option("--dev", help="For trying out: throw-away keys, plain http, every described vendor in use."),
    ] = False,
) -> None:
    """Run the proxy in front of a storefront.

    Try it in front of any web server:  consentry serve --storefront http://127.0.0.1:3000 --dev
    """
    loaded = load_all(config, vendors, dev=dev, storefront=storefront, needs_storefront=True, needs_events=True)
    problems = [*_own_address(loaded.settings, listen, admin), *_state_problems(state), *_newcomers(loaded, state)]
    if problems:
        raise Refused(problems)
    public_socket, admin_socket = _bind_both(listen, admin)
    anew = functools.partial(
        _load_again, config, vendors, dev=dev, storefront=storefront, keys=loaded.settings.secret_keys, state=state
    )
    ready = functools.partial(_start, loaded, address_of(public_socket), address_of(admin_socket), workers, state)
    if workers == 1 and not _tells(loaded):
        _run_alone(loaded, public_socket, admin_socket, ready, anew, state)
    else:
        _run_workers(loaded, public_socket, admin_socket, ready, anew, workers, state)
    say("Ended.")


def _load_again(
    config: Path | None,
    vendors: Sequence[Path] | None,
    *,
    dev: bool,
    storefront: str | None,
    keys: tuple[bytes, ...],
    state: Path,
) -> Loaded:
    """What a running process serves by from now on. Throw-away keys are not thrown away by that."""
    loaded = load_all(config, vendors, dev=dev, storefront=storefront, needs_storefront=True, needs_events=True)
    if problems := _newcomers(loaded, state):
        raise Refused(problems)
    _remember(loaded, state)
    if not dev:
        return loaded
    return replace(loaded, settings=loaded.settings.each(lambda site: site.model_copy(update={"secret_keys": keys})))


def _run_alone(
    loaded: Loaded,
    public: socket.socket,
    admin: socket.socket,
    ready: Callable[[], None],
    anew: Callable[[], Loaded],
    state: Path,
) -> None:
    configure_logs(loaded.settings.log.format)
    run(_built(loaded, state), public, admin, ready=ready, reload=lambda: _built(anew(), state))


def _built(loaded: Loaded, state: Path, *, beside: bool = False) -> Callable[[], Served]:
    from proxy.app import build

    return functools.partial(build, loaded.settings, loaded.catalogue, state, beside=beside)


def _run_workers(
    loaded: Loaded,
    public: socket.socket,
    admin: socket.socket,
    ready: Callable[[], None],
    anew: Callable[[], Loaded],
    count: int,
    state: Path,
) -> None:
    from proxy.workers import Supervisor, shared_metrics

    configure_logs(loaded.settings.log.format)
    with shared_metrics(state) as metrics:
        limits = loaded.settings.limits

        def reload() -> tuple[Work, Limits, Work | None]:
            fresh = anew()
            return _work_of(_work, fresh, anew, state), fresh.settings.limits, _beside(fresh, anew, state)

        work, beside = _work_of(_work, loaded, anew, state), _beside(loaded, anew, state)
        Supervisor(work, count, public, admin, metrics, limits, reload, beside).run(ready)


def _tells(loaded: Loaded) -> bool:
    """Whether any vendor is told of events by us."""
    return any(vendor.reach is Reach.SERVER for _, use in loaded.sites for vendor in use.vendors.values())


def _beside(loaded: Loaded, anew: Callable[[], Loaded], state: Path) -> Work | None:
    """What one process does beside those that serve: tell vendors of events, where any is."""
    return _work_of(_deliver, loaded, anew, state) if _tells(loaded) else None


@dataclass(frozen=True)
class _Checked:
    """What a process is handed: the very settings and vendors that its parent checked, and how to check them anew."""

    settings: Settings
    vendors: tuple[Vendor, ...]
    files: dict[str, Path]
    known: tuple[Known, ...]
    anew: Callable[[], Loaded]
    state: Path

    @property
    def catalogue(self) -> Catalogue:
        return catalogue_of(self.vendors, self.files, self.known)


def _work_of(
    what: Callable[[_Checked, socket.socket, socket.socket], None],
    loaded: Loaded,
    anew: Callable[[], Loaded],
    state: Path,
) -> Work:
    catalogue = loaded.catalogue
    vendors, known = tuple(catalogue.vendors.values()), tuple(catalogue.known.values())
    return functools.partial(what, _Checked(loaded.settings, vendors, dict(catalogue.files), known, anew, state))


def _work(own: _Checked, public: socket.socket, admin: socket.socket) -> None:
    """What a worker does."""
    from proxy.app import build

    configure_logs(own.settings.log.format)
    catalogue = own.catalogue
    run(
        lambda: build(own.settings, catalogue, own.state, beside=True),
        public,
        admin,
        supervised=True,
        reload=lambda: _built(own.anew(), own.state, beside=True),
    )


def _deliver(own: _Checked, public: socket.socket, admin: socket.socket) -> None:
    """What the process beside them does. It serves nobody."""
    from proxy.deliveries import build_deliveries

    public.close()
    admin.close()
    configure_logs(own.settings.log.format)
    catalogue = own.catalogue

    def again() -> Callable[[], Background]:
        fresh = own.anew()
        return lambda: build_deliveries(fresh.settings, fresh.catalogue, own.state)

    run_unserved(lambda: build_deliveries(own.settings, catalogue, own.state), again)


def _own_address(settings: Settings, listen: ListenAddress, admin: ListenAddress) -> list[Problem]:
    problems = []
    if listen == admin and listen.port:
        mend = f"Choose another port for one of them, like {admin.host}:{admin.port + 1}."
        problems.append(Problem("--admin", None, "", f"{admin} is the address of --listen, too.", mend))
    urls = dict.fromkeys(url for site in settings.sites for url in site.storefront.url)
    for url, (option, address) in product(urls, (("--listen", listen), ("--admin", admin))):
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        if same_place(parts.hostname or "", port, address):
            message = f"{url} is the address of {option}: the proxy would ask itself for every page."
            mend = f"Let the storefront or {option} use another port."
            problems.append(Problem("--storefront", None, "", message, mend))
    return problems


def _state_problems(state: Path) -> list[Problem]:
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state):
            pass
    except OSError as error:
        message = f"{state} cannot be written: {error.strerror or error}."
        return [Problem("--state", None, "", message, "Name a folder that this user may write in.")]
    return []


def _newcomers(loaded: Loaded, state: Path) -> list[Problem]:
    """In development nobody's answers are at stake."""
    return [] if loaded.settings.dev else newcomers(state, loaded.sites, loaded.file, loaded.places)


def _remember(loaded: Loaded, state: Path) -> None:
    if not loaded.settings.dev:
        remember(state, loaded.sites)


def _bind_both(listen: ListenAddress, admin: ListenAddress) -> tuple[socket.socket, socket.socket]:
    bound: list[socket.socket] = []
    problems: list[Problem] = []
    for option, address in (("--listen", listen), ("--admin", admin)):
        try:
            bound.append(bind(address, option))
        except Refused as refused:
            problems.extend(refused.problems)
    if problems:
        for one in bound:
            one.close()
        raise Refused(problems)
    return bound[0], bound[1]


def _start(loaded: Loaded, listen: ListenAddress, admin: ListenAddress, workers: int, state: Path) -> None:
    _summarise(loaded, listen, admin, workers, state)
    _remember(loaded, state)


def _summarise(loaded: Loaded, listen: ListenAddress, admin: ListenAddress, workers: int, state: Path) -> None:
    settings = loaded.settings
    open_at = listen.url if settings.dev or settings.origin is None else settings.origin
    if settings.dev:
        say("warning: --dev is for trying out, not for the public: throw-away keys, plain http.")
    told = (warning for site, use in loaded.sites for warning in _warnings(site, use))
    for warning in dict.fromkeys([*told, *([] if settings.dev else new_purposes(state, loaded.sites))]):
        say(f"warning: {warning}")
    out.print(f"Consentry {version('consentry')}, process {os.getpid()}; Ctrl-C ends it", style="bold")
    print_facts(
        (
            *(fact for site, use in loaded.sites for fact in _site_facts(site, use)),
            ("records", f"{place_of(settings, state)}; kept for {settings.records.keep}"),
            *(("events", fact) for fact in _events(loaded, state)),
            ("processes", f"{workers}, and one that tells vendors" if _tells(loaded) else str(workers)),
            ("listening", f"{listen} for visitors, {admin} for probes and metrics"),
            ("look at", open_at),
            ("choices", f"{open_at}{settings.consent.prefix}"),
            ("admin", f"{admin.url}/livez  /readyz  /metrics"),
        )
    )
    out.file.flush()


def _events(loaded: Loaded, state: Path) -> Iterator[str]:
    """Who is told of events by us, and where these wait."""
    told = {key for _, use in loaded.sites for key, vendor in use.vendors.items() if vendor.reach is Reach.SERVER}
    if told:
        yield f"for {', '.join(sorted(told))}; they wait in {outbox_place(loaded.settings, state)}"


def _warnings(settings: Settings, use: InUse) -> Iterator[str]:
    tags = [key for key, vendor in use.vendors.items() if vendor.reach is not Reach.SERVER and not vendor.essential]
    if settings.privacy.profile != "truncate" and tags and not settings.dev:
        named = ", ".join(tags[:_NAMED]) + (" …" if len(tags) > _NAMED else "")
        yield (
            f'privacy.profile = "{settings.privacy.profile}" holds whole for vendors with reach = "server" alone; '
            f"these still have scripts of their own in pages: {named}."
        )
    if settings.region.headers and not settings.listen.trusted:
        yield "region.headers: nobody is trusted to say where visitors are; name your front server in [listen] trusted."
    if settings.mode != "enforce":
        yield f'mode = "{settings.mode}": trackers run before consent.'
    elif settings.rollout < 100:
        yield f"rollout = {settings.rollout:g}: for the other visitors trackers run before consent."


def _site_facts(settings: Settings, use: InUse) -> Iterator[tuple[str, str]]:
    yield "mode", _mode(settings)
    yield "site", ", ".join([settings.origin or "taken from each request", *settings.hosts])
    yield "storefront", ", ".join(settings.storefront.url)
    yield "vendors in use", _in_use(use)
    yield "unknown", "blocked" if use.unknown == "block" else "allowed, and reported"
    yield "region source", _regions(settings)


def _regions(settings: Settings) -> str:
    sources = [*settings.region.headers, *([str(settings.region.database)] if settings.region.database else [])]
    return ", ".join(sources) or "none: everyone opt-in"


def _mode(settings: Settings) -> str:
    if settings.mode == "enforce":
        return "enforce" if settings.rollout >= 100 else f"enforce, for {settings.rollout:g} % of the visitors"
    what = (
        "nothing is rewritten, and what would be is reported" if settings.mode == "observe" else "nothing is rewritten"
    )
    return f"{settings.mode}: {what}"


def _in_use(use: InUse) -> str:
    asked = [key for key, vendor in use.vendors.items() if not vendor.essential]
    essential = len(use.vendors) - len(asked)
    named = ", ".join(asked) if 0 < len(asked) <= _NAMED else f"{len(asked)} asked about"
    return f"{len(use.vendors)}: {named}; {essential} essential"
