"""Who follows whom, as calls tell."""

from __future__ import annotations

from gateway.supervisor.warmth import prediction
from gateway.supervisor.warmth.prediction import Predictor


class History:
    """Calls one after the other, a second each."""

    def __init__(self) -> None:
        self.predictor = Predictor()
        self.now = 0.0

    def call(self, server: str, caller: str = "x", *, after_s: float = 1.0) -> None:
        began = self.now + after_s
        self.now = began + 1.0
        self.predictor.observe(server, caller, began=began, ended=self.now)

    def visit(self, *servers: str, pause_s: float = 100.0) -> None:
        """Call them in turn; the first one after a pause in which everything before is over."""
        for number, server in enumerate(servers):
            self.call(server, after_s=1.0 if number else pause_s)

    def after(self, server: str) -> list[str]:
        return self.predictor.next_after(server, self.now)


def test_what_followed_three_times_is_predicted_and_not_before() -> None:
    history = History()
    for number in range(3):
        assert history.after("a") == [], number
        history.visit("a", "b")
    history.visit("a")
    assert history.after("a") == ["b"]
    assert history.after("b") == []


def test_half_is_enough_and_less_is_not() -> None:
    history = History()
    for _ in range(3):
        history.visit("a", "b")
        history.visit("a", "c")
    assert sorted(history.after("a")) == ["b", "c"]
    history.visit("a", "c")
    history.visit("d")
    assert history.after("a") == ["c"]


def test_the_likeliest_comes_first() -> None:
    history = History()
    for others in (("z", "b"), ("z", "b"), ("z",)):
        history.visit("a", *others)
    history.now += 100
    assert history.after("a") == ["z", "b"]


def test_what_comes_later_than_a_minute_does_not_follow() -> None:
    history = History()
    for _ in range(5):
        history.visit("a")
        history.call("b", after_s=prediction.WITHIN_S + 1)
    assert history.after("a") == []


def test_another_caller_does_not_follow() -> None:
    history = History()
    for number in range(5):
        history.call("a", f"one {number}", after_s=100)
        history.call("b", f"two {number}")
    assert history.after("a") == []


def test_calls_of_many_callers_at_once_are_told_apart() -> None:
    history = History()
    for number in range(3):
        history.call("a", f"one {number}")
        history.call("x", f"two {number}")
        history.call("b", f"one {number}")
        history.call("y", f"two {number}")
    history.call("a")
    assert history.after("a") == ["b"]


def test_many_calls_to_one_server_are_one_visit() -> None:
    history = History()
    for _ in range(3):
        history.visit("a", "a", "a", "b")
    history.visit("a", "a", "a", "a")
    assert history.after("a") == ["b"]


def test_a_visit_that_goes_on_says_nothing_yet_and_one_that_is_over_does() -> None:
    history = History()
    for _ in range(3):
        history.visit("a", "b")
    for number in range(4):
        history.call("a", f"other {number}")
    assert history.after("a") == ["b"]
    history.now += 100
    assert history.after("a") == []


def test_what_already_followed_in_a_visit_may_still_be_predicted_for_others() -> None:
    history = History()
    for _ in range(4):
        history.visit("a", "b", "a")
    assert history.after("a") == ["b"]


def test_calls_that_overlap_follow_each_other() -> None:
    predictor = Predictor()
    for start in (0.0, 1000.0, 2000.0):
        predictor.observe("a", "x", began=start, ended=start + 10)
        predictor.observe("b", "x", began=start + 5, ended=start + 12)
    predictor.observe("a", "x", began=3000.0, ended=3001.0)
    assert predictor.next_after("a", 3001.0) == ["b"]


def test_after_closing_nobody_is_with_anybody() -> None:
    history = History()
    for _ in range(3):
        history.visit("a", "b")
    history.visit("a")
    history.predictor.close()
    history.now = 5.0
    history.call("c")
    assert history.after("a") == ["b"]
    assert "c" not in history.after("a")


def test_the_past_fades() -> None:
    history = History()
    for _ in range(prediction.MAX_VISITS):
        history.visit("a", "b")
    for _ in range(prediction.MAX_VISITS):
        history.visit("a", "c")
    assert history.after("a") == ["c"]


def test_its_memory_is_bounded_and_it_goes_on_learning() -> None:
    history = History()
    for number in range(3 * prediction.MAX_SERVERS):
        history.call(f"server {number}", f"caller {number % 1500}", after_s=0.0)
        history.call("hub", f"caller {number % 1500}", after_s=0.0)
    for number in range(3 * prediction.MAX_FOLLOWERS):
        history.visit("hub", f"follower {number}")
    held = history.predictor
    assert len(held._counts) <= prediction.MAX_SERVERS
    assert len(held._open) <= prediction.MAX_CALLERS
    assert max(len(counts.followers) for counts in held._counts.values()) <= prediction.MAX_FOLLOWERS
    for _ in range(3):
        history.visit("new", "newer")
    assert history.after("new") == ["newer"]


def test_callers_that_are_silent_are_forgotten_first() -> None:
    history = History()
    for number in range(prediction.MAX_CALLERS + 5):
        history.call("a", f"caller {number}", after_s=0.0)
    history.call("b", f"caller {prediction.MAX_CALLERS + 4}", after_s=200.0)
    assert len(history.predictor._open) == 1
