"""Whether a child is heard: one that is not in charge yet holds its facts back, one that was relieved is silent."""

from __future__ import annotations

from gateway.facts import ChildExited, Fact, Publish


def deaths_alone(publish: Publish) -> Publish:
    """Tell only of ends: an instance has no state or tools that stand for its server, but how it died matters."""

    def tell(fact: Fact) -> None:
        if isinstance(fact, ChildExited):
            publish(fact)

    return tell


class Voice:
    """A `Publish` with a gate. No I/O."""

    def __init__(self, publish: Publish, *, is_heard: bool) -> None:
        self._publish = publish
        self._is_heard = is_heard
        self._is_silent = False
        self._held: list[Fact] = []

    def __call__(self, fact: Fact) -> None:
        """Pass a fact on, keep it, or drop it."""
        if self._is_silent:
            return
        if self._is_heard:
            self._publish(fact)
        else:
            self._held.append(fact)

    def speak(self) -> None:
        """Be heard from now on; what was held back comes first, in its order."""
        self._is_heard = True
        held, self._held = self._held, []
        for fact in held:
            self._publish(fact)

    def hush(self) -> None:
        """Say nothing any more."""
        self._is_silent = True
        self._held.clear()
