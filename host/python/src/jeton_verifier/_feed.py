"""The live set, kept current: one poll in flight, for ever."""

from __future__ import annotations

import json
import logging
import math
import random
import threading
import time
from typing import NamedTuple, Optional, Union

from ._component import Address, Compiled, Fault, Held, Instance, LoadRefused, Verified
from ._options import Setup
from ._transport import Transport

_LOG = logging.getLogger("jeton_verifier")

FIRST_LEASE = 5.0
"""What a poll may take at most, until the first document names its lease."""
WAIT = 1
"""Seconds that the authority is asked to wait for news. With two of them a set would be 4 s old before its successor is here, and an age
counts in whole seconds, rounded up: at 5 its lease is over."""
SOON = 0.5
"""An answer without news that comes sooner did not wait: something between here and the authority does not know how to."""
PLAIN_POLL = 0.5
"""Between polls that may not wait."""
NO_WAITING = (401, 403, 429, 503)
"""Not permitted, or no room for another poll that waits: one that does not wait may be answered all the same."""
PERMISSION_RETRY = 30.0
"""After so long, polls that wait are tried again where they were not permitted."""
BACKOFF_FIRST = 0.1
BACKOFF_MOST = 1.0
RETRY_AFTER_MOST = 5.0
CLOCK_TOLERANCE = 10
"""How far, in seconds, the machine's clock may be off before that is said."""


class _Stamp(NamedTuple):
    monotonic: float
    wall: float

    @staticmethod
    def now() -> _Stamp:
        return _Stamp(time.monotonic(), time.time())


class Unwilling(Exception):
    """An answer other than a document."""

    def __init__(self, status: int, retry_after: Optional[int]) -> None:
        super().__init__(f"the authority answered {status}")
        self.status = status
        self.retry_after = min(retry_after or 0, RETRY_AFTER_MOST)


class Feed:
    """Polls the authority on a thread of its own and keeps an instance of the component loaded."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._transport = Transport(setup)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._changed = threading.Condition(self._lock)
        self._compiled: Optional[Compiled] = None
        # What remembers the newest that was seen, also while nothing may serve: so nothing older is taken after a refusal.
        self._instance: Optional[Instance] = None
        self._serves = False
        self._held: Optional[Held] = None
        self._last_whole: Optional[bytes] = None
        self._sent = _Stamp(0.0, 0.0)
        self._lease = FIRST_LEASE
        self._clock_off = 0
        self._may_wait_from = -math.inf
        threading.Thread(target=self._run, name="jeton-feed", daemon=True).start()

    def judge(self, token: str, peer: Optional[Address]) -> Union[Verified, str]:
        """The verdict of the rules; `stale` where there is nothing to judge with."""
        with self._lock:
            instance = self._instance
            if not self._serves or instance is None:
                return "stale"
            try:
                return instance.verify(token, int(time.time()), math.ceil(self._held_for()), peer)
            except Fault as fault:
                self._faulted()
                error = fault
        self._warn("fault", error)
        return "fault"

    def status(self) -> tuple[bool, Optional[Held], float]:
        """Whether a token could be accepted now, what is held, and for how long."""
        with self._lock:
            return self._is_ready(), self._held, self._held_for()

    def wait_ready(self, timeout: Optional[float]) -> bool:
        """Waits until there is something to judge with; whether there is."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ready() or self._closed.is_set(), timeout)
            return self._is_ready()

    def close(self) -> None:
        """Ends polling. Nothing is accepted from then on."""
        with self._changed:
            self._closed.set()
            self._serves = False
            self._changed.notify_all()
        self._transport.close()

    def _is_ready(self) -> bool:
        return self._serves and self._held_for() < self._lease

    def _held_for(self) -> float:
        now = _Stamp.now()
        return max(now.monotonic - self._sent.monotonic, now.wall - self._sent.wall, 0.0)

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                pause = self._poll()
                failures = 0
            except Exception as error:
                if self._closed.is_set():
                    return
                self._tell("failed", error)
                # Full jitter, so that the edges of an authority that was away do not come back all at once.
                pause = random.uniform(0, min(BACKOFF_FIRST * 2**failures, BACKOFF_MOST))
                failures = min(failures + 1, 16)
                if isinstance(error, Unwilling):
                    pause = max(pause, error.retry_after)
            if pause > 0:
                self._closed.wait(pause)

    def _poll(self) -> float:
        """One poll; gives the seconds until the next."""
        with self._lock:
            missing = self._instance is None
            before = self._held if self._serves else None
        if missing:
            replacement = self._replacement()
            with self._lock:
                self._instance = replacement
        sent = _Stamp.now()
        waits = before is not None and sent.monotonic >= self._may_wait_from
        target, headers = self._setup.path, {"Accept": "application/json"}
        if before is not None:
            target += f"?after={before.sequence}&epoch={before.epoch}"
        if waits:
            target += f"&wait={WAIT}"
            if self._setup.authorization is not None:
                headers["Authorization"] = self._setup.authorization
        status, retry_after, body = self._transport.get(target, headers, self._lease)
        if waits and status in NO_WAITING:
            pause = PERMISSION_RETRY if status in (401, 403) else max(retry_after or 0, 1)
            self._may_wait_from = sent.monotonic + pause
            if status != 503:
                self._warn("polling", status)
            return 0.0
        if status != 200:
            raise Unwilling(status, retry_after)
        held = self._load(body, sent)
        if not waits:
            return 0.0 if before is None else PLAIN_POLL * random.uniform(0.5, 1.0)
        if before is None or held[:2] != before[:2] or time.monotonic() - sent.monotonic >= SOON:
            return 0.0
        return PLAIN_POLL * random.uniform(0.5, 1.0)

    def _load(self, body: bytes, sent: _Stamp) -> Held:
        with self._changed:
            instance = self._instance
            if instance is None or self._closed.is_set():
                raise RuntimeError("the instance that this was for is gone")
            try:
                held = instance.load(body)
            except (LoadRefused, Fault) as refused:
                # Fail closed: the next poll asks for the whole set, and until it is here nothing serves.
                self._serves = False
                if isinstance(refused, Fault):
                    self._faulted()
                refusal: Optional[Exception] = refused
            else:
                refusal = None
                self._sent, self._held, self._serves = sent, held, True
                self._changed.notify_all()
        if refusal is not None:
            if isinstance(refusal, LoadRefused):
                self._warn("document-refused", refusal.code)
            else:
                self._warn("fault", refusal)
            raise refusal
        self._note(body, sent)
        self._tell("loaded", held)
        return held

    def _note(self, body: bytes, sent: _Stamp) -> None:
        """Reads what the edge keeps books of; the rules have taken the document already."""
        document = json.loads(body)
        if document["base"] is None:
            self._last_whole = body
            with self._changed:
                self._lease = max(float(document["lease_seconds"]), BACKOFF_MOST)
                self._changed.notify_all()
        # It was true at some moment between asking and reading.
        ahead = sent.wall - (document["as_of"] + 1)
        behind = document["as_of"] - time.time()
        off = round(ahead) if ahead > CLOCK_TOLERANCE else -round(behind) if behind > CLOCK_TOLERANCE else 0
        is_change = off != self._clock_off if 0 in (off, self._clock_off) else abs(off - self._clock_off) > CLOCK_TOLERANCE
        if is_change:
            self._clock_off = off
            self._warn("clock", off)

    def _replacement(self) -> Instance:
        """A new instance. It is given the last whole document first, and so takes nothing older than that."""
        if self._compiled is None:
            self._compiled = Compiled()
        instance = self._compiled.new_instance()
        if self._last_whole is not None:
            try:
                instance.load(self._last_whole)
            except (LoadRefused, Fault):
                instance = self._compiled.new_instance()
        return instance

    def _faulted(self) -> None:
        """The instance trapped: it is not asked again."""
        self._instance = None
        self._serves = False

    def _warn(self, kind: str, detail: object) -> None:
        if self._setup.hooks.warning is None:
            _LOG.warning("%s: %s", kind, detail)
        else:
            self._tell("warning", kind, detail)

    def _tell(self, hook: str, *details: object) -> None:
        called = getattr(self._setup.hooks, hook)
        if called is not None:
            try:
                called(*details)
            except Exception:
                _LOG.exception("the hook `%s` failed", hook)
