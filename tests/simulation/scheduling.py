"""Who goes on next: coroutines, and requests on their way to the broker, each one step at a time, at random.

There is no event loop and no clock. An await is an `Until`, where the scheduler may let anything else happen first, or
end the process. A request is two steps more: it reaches the broker, and its answer reaches who waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from random import Random
from typing import Any, Protocol

from streams.runtime.failures import Superseded

Ready = Callable[[], object]
#: Strands looked at before all are.
GUESSES = 6
#: A request is passed over as often; few take very long.
REQUEST_SPEEDS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.3, 0.03, 0.003)


class Owner(Protocol):
    """A process, as far as scheduling goes; a slow one (``speed`` below 1) is often passed over."""

    name: str
    frozen: bool
    speed: float


class Until:
    """Awaits that ``ready()`` is true; it is when the awaiting code goes on."""

    __slots__ = ("_ready",)

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    def __await__(self) -> Generator[Ready, None, None]:
        yield self._ready


def pause() -> Until:
    """An await of something that is ready at once."""
    return Until(lambda: True)


class Strand:
    """One coroutine of one process."""

    __slots__ = ("coroutine", "owner", "ready")

    def __init__(self, owner: Owner, coroutine: Coroutine[Any, Any, None]) -> None:
        self.owner = owner
        self.coroutine = coroutine
        self.ready: Ready = lambda: True


class Request:
    """What a process asks of the broker: ``apply`` there, then the answer."""

    __slots__ = ("answered", "apply", "error", "owner", "reached", "result", "speed", "what")

    def __init__(self, owner: Owner, what: str, apply: Callable[[], Any], speed: float) -> None:
        self.owner = owner
        self.speed = speed
        self.what = what
        self.apply = apply
        self.reached = False
        self.answered = False
        self.result: Any = None
        self.error: Superseded | None = None


class Scheduler:
    """Runs strands and, for a share of ``network`` of the steps, requests."""

    def __init__(self, random: Random, network: float, say: Callable[[str, str], None]) -> None:
        self._random = random
        self._network_share = network
        self._say = say
        self._strands: list[Strand] = []
        self._network: list[Request] = []
        self._running: Strand | None = None

    def spawn(self, owner: Owner, coroutine: Coroutine[Any, Any, None]) -> Strand:
        strand = Strand(owner, coroutine)
        self._strands.append(strand)
        return strand

    def end(self, strand: Strand) -> None:
        """It never goes on."""
        if strand in self._strands:
            self._strands.remove(strand)
        if strand is not self._running:
            strand.coroutine.close()

    def kill(self, owner: Owner) -> None:
        """All strands of ``owner`` end; of its requests on the way some are lost, some still arrive."""
        for strand in [strand for strand in self._strands if strand.owner is owner]:
            self.end(strand)
        self._network = [
            request
            for request in self._network
            if request.owner is not owner or (not request.reached and self._random.random() < 0.5)
        ]

    def close(self) -> None:
        """Nothing goes on."""
        for strand in self._strands:
            strand.coroutine.close()

    def send(self, owner: Owner, what: str, apply: Callable[[], Any]) -> Request:
        request = Request(owner, what, apply, self._random.choice(REQUEST_SPEEDS))
        self._network.append(request)
        return request

    async def call(
        self, owner: Owner, what: str, apply: Callable[[], Any], patient: Callable[[], bool] = lambda: True
    ) -> Any:
        """The broker's answer; Superseded where it refuses, or patience ends first."""
        (answer,) = await self.gather([self.send(owner, what, apply)], patient)
        return answer

    async def gather(self, requests: list[Request], patient: Callable[[], bool]) -> list[Any]:
        await Until(lambda: not patient() or all(request.answered for request in requests))
        for request in requests:
            if request.error is not None:
                raise request.error
            if not request.answered:
                raise Superseded(f"{request.what}: no answer in time")
        return [request.result for request in requests]

    def step(self) -> bool:
        """Something happens; False where nothing can."""
        if self._network and self._random.random() < self._network_share:
            request = self._random.choice(self._network)
            if self._random.random() < request.speed:
                self._move(request)
            return True
        strand = self._guess() or self._look()
        if strand is not None:
            self._resume(strand)
        elif self._network:
            self._move(self._random.choice(self._network))
        else:
            return False
        return True

    def _guess(self) -> Strand | None:
        random, strands = self._random, self._strands
        for _ in range(min(GUESSES, len(strands))):
            strand = strands[int(random.random() * len(strands))]
            if not strand.owner.frozen and random.random() < strand.owner.speed and strand.ready():
                return strand
        return None

    def _look(self) -> Strand | None:
        able = [strand for strand in self._strands if not strand.owner.frozen and strand.ready()]
        return self._random.choice(able) if able else None

    def _resume(self, strand: Strand) -> None:
        self._running = strand
        try:
            strand.ready = strand.coroutine.send(None)
        except StopIteration:
            self.end(strand)
        finally:
            self._running = None

    def _move(self, request: Request) -> None:
        if request.reached:
            request.answered = True
            self._network.remove(request)
            self._say(request.owner.name, f"answered: {request.what}")
            return
        request.reached = True
        try:
            request.result = request.apply()
            self._say("broker", f"takes from {request.owner.name}: {request.what}")
        except Superseded as refusal:
            request.error = refusal
            self._say("broker", f"refuses from {request.owner.name}: {request.what}")
