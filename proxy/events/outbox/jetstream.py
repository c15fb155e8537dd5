"""The outbox of a fleet: NATS JetStream. Any proxy puts events there, and any delivers them.

Rules of this file: a stream with one subject a vendor, site and visitor, so that one visitor's can be removed; one
consumer a vendor, which all proxies share; what is taken and not settled goes to another once its lease is over. The
dead are in a stream of their own. Visitors and sites stand in subjects as digests.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from proxy.database import Down
from proxy.events.outbox import Backlog, Dead, Full, Taken, Waiting

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import KeyValueConfig
    from nats.js.kv import KeyValue

#: What the names of streams, buckets and subjects begin with, where the URL's path does not say otherwise.
NAME = "consentry"

#: Seconds: to reach the server, and to wait for an answer of its.
CONNECT, ANSWER = 2.0, 5.0

#: Seconds after which the server has counted an event for who asks: it says that it is stored a little before.
COUNTED = 0.02

#: Seconds for which the server itself drops a second event with the same id; for which the ids that a shop gave are
#: remembered; and for which it is remembered that an event was given back.
DOUBLES, NAMED, BACK = 120.0, 48 * 3600.0, 7 * 86400.0

#: What the server says to who asks for events, where there are none (any more) or no more may be under way.
_NO_MORE = frozenset({"404", "408", "409"})

#: "maximum bytes exceeded", "maximum messages exceeded" (JetStream's error codes).
_NO_ROOM = frozenset({10077, 10047, 10023})


class JetStreamOutbox:
    """See `Outbox`. `url`: nats://host:port, and as its path the name that sets this outbox apart from others on the
    same server. `now`: milliseconds since 1970; `most_bytes`: how large the stream may grow; `lease`: seconds."""

    def __init__(self, url: str, now: Callable[[], int], most_bytes: int, lease: float) -> None:
        parts = urlsplit(url)
        self._url = f"{parts.scheme}://{parts.netloc}"
        name = parts.path.strip("/") or NAME
        self._stream, self._graves = f"{name}_events", f"{name}_dead"
        self._wait, self._dead = f"{name}.wait", f"{name}.dead"
        self._buckets = f"{name}_named", f"{name}_back"
        self._now = now
        self._most_bytes = most_bytes
        self._lease = lease
        self._client: Client | None = None
        self._js: JetStreamContext
        self._named: KeyValue
        self._back: KeyValue
        self._made = False  # the streams, as far as we know; and the consumers of these vendors
        self._queues: set[str] = set()
        self._opening = asyncio.Lock()

    @property
    def fresh(self) -> bool:
        """Whether nothing can be in it yet."""
        return False

    async def put(self, events: Sequence[Waiting]) -> int:
        async with self._there() as js:
            for vendor in {event.vendor for event in events}:
                await self._make_queue(js, vendor)
            return sum(await asyncio.gather(*(self._put(js, event) for event in events)))

    async def take(self, vendor: str, most: int) -> list[Taken]:
        async with self._there() as js:
            await self._make_queue(js, vendor)
            messages = await self._pull(vendor, most)
            if not messages:
                await asyncio.sleep(COUNTED)
                messages = await self._pull(vendor, most)
            return list(await asyncio.gather(*map(self._taken, messages)))

    async def settle(
        self,
        *,
        gone: Sequence[Taken] = (),
        back: Sequence[tuple[Taken, float]] = (),
        dead: Sequence[tuple[Taken, str]] = (),
    ) -> None:
        async with self._there() as js:
            await asyncio.gather(*(self._die(js, one, why) for one, why in dead))
            ended = [*gone, *(one for one, _ in dead)]
            await asyncio.gather(*(one.handle.ack_sync(ANSWER) for one in ended))
            await asyncio.gather(*(self._give_back(one, wait) for one, wait in back))

    async def erase(self, site: str, proof: str) -> int:
        async with self._there() as js:
            count = 0
            for stream, start in ((self._stream, self._wait), (self._graves, self._dead)):
                whose = f"{start}.*.{_digest(site)}.{_digest(proof)}"
                count += sum((await _subjects(js, stream, whose)).values())
                await js.purge_stream(stream, subject=whose)
            return count

    async def backlog(self) -> Mapping[str, Backlog]:
        async with self._there() as js:
            found: dict[str, Backlog] = {}
            dead: dict[str, int] = {}
            for subject, count in (await _subjects(js, self._graves, f"{self._dead}.>")).items():
                vendor = subject.split(".")[-3]
                dead[vendor] = dead.get(vendor, 0) + count
            for consumer in await js.consumers_info(self._stream):
                vendor = consumer.name or ""
                waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
                oldest = await self._oldest(js, vendor) if waiting else None
                found[vendor] = Backlog(waiting, oldest, dead.pop(vendor, 0))
            found |= {vendor: Backlog(dead=count) for vendor, count in dead.items()}
            return {vendor: backlog for vendor, backlog in found.items() if backlog.waiting or backlog.dead}

    async def dead(self, vendor: str | None = None, most: int = 100) -> list[Dead]:
        async with self._there() as js:
            return [_grave(message) async for message in self._all_graves(js, vendor, None, most)]

    async def retry(self, vendor: str | None = None, number: int | None = None) -> int:
        async with self._there() as js:
            count = 0
            async for message in self._all_graves(js, vendor, number):
                waiting = _waiting(message.data)
                await js.publish(_subject(self._wait, waiting), message.data, timeout=ANSWER)
                await js.delete_msg(self._graves, message.seq)
                count += 1
            return count

    async def bury(self, vendor: str | None = None, number: int | None = None) -> int:
        async with self._there() as js:
            count = 0
            async for message in self._all_graves(js, vendor, number):
                await js.delete_msg(self._graves, message.seq)
                count += 1
            return count

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # -- one event ------------------------------------------------------------------------------------------------

    async def _put(self, js: JetStreamContext, event: Waiting) -> int:
        name = _digest(f"{event.site} {event.vendor} {event.id}")
        if event.named and await self._known(name):
            return 0
        acknowledged = await js.publish(
            _subject(self._wait, event), _data(event), timeout=ANSWER, headers={"Nats-Msg-Id": name}
        )
        if event.named:
            await self._named.put(name, b"")
        return 0 if acknowledged.duplicate else 1

    async def _known(self, name: str) -> bool:
        from nats.js.errors import KeyNotFoundError

        try:
            await self._named.get(name)
        except KeyNotFoundError:
            return False
        return True

    async def _pull(self, vendor: str, most: int) -> list[Msg]:
        """What is there now. It never waits for more: a server before 2.10 that finds a request out of time hands out
        what somebody else has in hand, as if for the first time."""
        from nats.js.errors import APIError

        client = self._client
        assert client is not None
        found: list[Msg] = []
        coming = await client.subscribe(inbox := client.new_inbox())
        try:
            ask = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{vendor}"
            await client.publish(ask, json.dumps({"batch": most, "no_wait": True}).encode(), inbox)
            while len(found) < most:
                message = await coming.next_msg(ANSWER)
                status = (message.headers or {}).get("Status")
                if status in _NO_MORE:
                    break
                if status is not None:
                    raise APIError(code=int(status), description=f"status {status} to who asks for events")
                found.append(message)
        finally:
            await coming.unsubscribe()
        return found

    async def _taken(self, message: Msg) -> Taken:
        told = message.metadata
        times = told.num_delivered or 1
        again = times > 1 and await self._given_back(told.sequence.stream) != times - 1
        return Taken(_waiting(message.data), message, times - 1, again)

    async def _given_back(self, seq: int) -> int:
        """After which delivery an event was last given back; 0: never."""
        from nats.js.errors import KeyNotFoundError

        try:
            return int((await self._back.get(str(seq))).value or 0)
        except KeyNotFoundError:
            return 0

    async def _give_back(self, taken: Taken, wait: float) -> None:
        told = taken.handle.metadata
        await self._back.put(str(told.sequence.stream), str(told.num_delivered).encode())
        await taken.handle.nak(delay=wait or None)

    async def _die(self, js: JetStreamContext, taken: Taken, why: str) -> None:
        waiting = taken.waiting
        headers = {"Consentry-Why": json.dumps(why), "Consentry-Died": str(self._now())}
        await js.publish(_subject(self._dead, waiting), _data(waiting), timeout=ANSWER, headers=headers)

    async def _oldest(self, js: JetStreamContext, vendor: str) -> int | None:
        from nats.js.errors import NotFoundError

        try:
            message = await js.get_msg(self._stream, seq=1, subject=f"{self._wait}.{vendor}.>", next=True)
        except NotFoundError:
            return None
        return _waiting(message.data or b"").at

    async def _all_graves(
        self, js: JetStreamContext, vendor: str | None, number: int | None, most: int = 1 << 62
    ) -> AsyncIterator[Any]:
        """The messages of the dead, newest first."""
        from nats.js.errors import NotFoundError

        state = (await js.stream_info(self._graves)).state
        numbers = range(state.last_seq, state.first_seq - 1, -1) if number is None else [number]
        for seq in numbers if state.messages else ():
            if most <= 0:
                return
            try:
                message = await js.get_msg(self._graves, seq=seq)
            except NotFoundError:
                continue
            if vendor is None or (message.subject or "").startswith(f"{self._dead}.{vendor}."):
                most -= 1
                yield message

    # -- the server -----------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _there(self) -> AsyncIterator[JetStreamContext]:
        import nats.errors
        from nats.js.errors import APIError

        try:
            async with self._opening:
                if self._client is None:
                    await self._connect()
                if not self._made:
                    await self._make_streams()
            yield self._js
        except (nats.errors.Error, OSError, TimeoutError) as error:
            if isinstance(error, APIError) and error.err_code in _NO_ROOM:
                raise Full(f"the outbox holds {self._most_bytes >> 20} MB, as much as it may") from error
            self._made = False  # a server that lost its streams, and is silent or says so, gets them anew
            said = error.description if isinstance(error, APIError) else None
            raise Down(f"NATS: {said or error or type(error).__name__}") from error

    async def _connect(self) -> None:
        from nats.aio.client import Client

        client = Client()
        try:
            async with asyncio.timeout(CONNECT):  # the client itself would try for ever
                await client.connect(
                    self._url,
                    name="consentry",
                    connect_timeout=int(CONNECT),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    error_cb=_said_elsewhere,
                )
        except BaseException:
            await client.close()
            raise
        self._client, self._js = client, client.jetstream(timeout=ANSWER, publish_async_max_pending=4096)

    async def _make_streams(self) -> None:
        from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StreamConfig

        js = self._js
        waiting = StreamConfig(
            name=self._stream,
            subjects=[f"{self._wait}.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            max_bytes=self._most_bytes,
            duplicate_window=DOUBLES,
        )
        await _made(js, waiting)
        await _made(js, StreamConfig(name=self._graves, subjects=[f"{self._dead}.>"], max_bytes=self._most_bytes))
        self._named = await _bucket(js, KeyValueConfig(bucket=self._buckets[0], ttl=NAMED))
        self._back = await _bucket(js, KeyValueConfig(bucket=self._buckets[1], ttl=BACK))
        self._queues.clear()
        self._made = True

    async def _make_queue(self, js: JetStreamContext, vendor: str) -> None:
        from nats.js.api import AckPolicy, ConsumerConfig

        if vendor not in self._queues:
            config = ConsumerConfig(
                durable_name=vendor,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._lease,
                filter_subject=f"{self._wait}.{vendor}.>",
                max_ack_pending=10_000,
            )
            await js.add_consumer(self._stream, config)
            self._queues.add(vendor)


async def _made(js: JetStreamContext, config: Any) -> None:
    """The stream, made or brought to what it should be."""
    from nats.js.errors import BadRequestError, NotFoundError

    try:
        await js.stream_info(config.name)
    except NotFoundError:
        with contextlib.suppress(BadRequestError):  # another process makes it at this moment
            await js.add_stream(config)
            return
    await js.update_stream(config)


async def _bucket(js: JetStreamContext, config: KeyValueConfig) -> KeyValue:
    from nats.js.errors import BadRequestError, BucketNotFoundError

    try:
        return await js.key_value(config.bucket)
    except BucketNotFoundError:
        with contextlib.suppress(BadRequestError):  # as above
            return await js.create_key_value(config)
    return await js.key_value(config.bucket)


async def _subjects(js: JetStreamContext, stream: str, pattern: str) -> Mapping[str, int]:
    return (await js.stream_info(stream, subjects_filter=pattern)).state.subjects or {}


def _grave(message: Any) -> Dead:
    headers = message.headers or {}
    why, died = json.loads(headers["Consentry-Why"]), int(headers["Consentry-Died"])
    return Dead(message.seq, _waiting(message.data), why, died)


async def _said_elsewhere(_: Exception) -> None:
    """The client's own errors: whoever waits for an answer hears of them as `Down`."""


def _subject(start: str, event: Waiting) -> str:
    return f"{start}.{event.vendor}.{_digest(event.site)}.{_digest(event.proof) if event.proof else '-'}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _data(event: Waiting) -> bytes:
    told = {name: getattr(event, name) for name in Waiting.__slots__}
    return json.dumps(told, separators=(",", ":")).encode()


def _waiting(data: bytes | None) -> Waiting:
    return Waiting(**json.loads(data or b"{}"))
