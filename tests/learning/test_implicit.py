"""What the next step of an agent says about the step before."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.facts import CallFinished, DecisionMade, Rewarded, StateChanged
from gateway.learning.implicit import BOILERPLATE_TIMES, SOON_S, ImplicitJudge
from gateway.learning.reward import ImplicitWeights
from gateway.model import Decision, DecisionKind, ServerName


def _call(tool: str, at: float, *, args: str = "a1", decision: str | None = "d1", **other: object) -> CallFinished:
    fields: dict[str, object] = {
        "call_id": f"call-{tool}-{at:g}",
        "at": at,
        "principal": "p",
        "agent": "a",
        "run": "r",
        "round": 1,
        "session": "s",
        "profile": "",
        "server": "srv",
        "tool": tool,
        "exposed": tool,
        "via": "direct",
        "decision_id": decision,
        "outcome": "ok",
        "error_code": None,
        "latency_s": 0.1,
        "bytes_in": 10,
        "bytes_out": 500 + int(at),
        "args_hmac": args,
        **other,
    }
    return CallFinished(**fields)  # type: ignore[arg-type]


def _decision(
    number: int, at: float, shown: Sequence[str] = ("x", "y"), kind: DecisionKind = DecisionKind.FIND
) -> DecisionMade:
    return DecisionMade(
        Decision(
            id=f"d{number}",
            kind=kind,
            at=at,
            key="k",
            agent="a",
            run="r",
            round=1,
            shown=tuple(shown),
            propensities=(None,) * len(shown),
            seed=1,
            policy_version="1.0",
            toolset_version="v",
        )
    )


def _why(judgements: list[Rewarded]) -> list[str]:
    return [one.provenance for one in judgements]


def test_searching_again_soon_judges_the_last_call() -> None:
    judge = ImplicitJudge()
    judge.see(_call("x", 10.0))
    (one,) = judge.see(_decision(2, 10.0 + SOON_S))
    assert (one.provenance, one.source, one.value, one.tool) == ("searched_again", "implicit", 0.0, "x")
    assert 0.0 < one.weight < 1.0


def test_searching_again_later_says_nothing() -> None:
    judge = ImplicitJudge()
    judge.see(_call("x", 10.0))
    assert judge.see(_decision(2, 11.0 + SOON_S)) == []


def test_another_tool_of_the_same_search_judges_the_first() -> None:
    judge = ImplicitJudge()
    judge.see(_decision(1, 1.0))
    judge.see(_call("x", 2.0))
    assert _why(judge.see(_call("y", 3.0))) == ["other_tool"]


def test_the_next_step_of_a_session_judges_nothing() -> None:
    judge = ImplicitJudge()
    judge.see(_decision(1, 1.0, kind=DecisionKind.LIST))
    judge.see(_call("x", 2.0))
    assert judge.see(_call("y", 3.0)) == []


def test_the_same_call_with_changed_arguments_judges_the_one_before() -> None:
    judge = ImplicitJudge()
    judge.see(_call("x", 1.0, args="a1"))
    assert _why(judge.see(_call("x", 2.0, args="a2"))) == ["repeated"]
    assert judge.see(_call("x", 3.0, args="a2")) == []


def test_an_error_before_is_no_matter_of_usefulness() -> None:
    judge = ImplicitJudge()
    judge.see(_call("x", 1.0, outcome="tool_error"))
    assert judge.see(_call("x", 2.0, args="a2")) == []


def test_an_empty_answer_is_judged_at_once() -> None:
    assert _why(ImplicitJudge().see(_call("x", 1.0, bytes_out=12))) == ["empty"]


def test_answers_of_one_size_to_different_questions_are_boilerplate() -> None:
    judge = ImplicitJudge(ImplicitWeights(repeated=0.0))
    found = [judge.see(_call("x", 100.0 * n, args=f"a{n}", bytes_out=777)) for n in range(BOILERPLATE_TIMES)]
    assert [_why(one) for one in found] == [[], [], ["empty"]]


def test_a_first_tool_that_was_never_called_is_judged_at_the_next_search() -> None:
    judge = ImplicitJudge()
    judge.see(_decision(1, 1.0))
    (one,) = judge.see(_decision(2, 2.0))
    assert (one.provenance, one.tool, one.decision_id, one.call_id) == ("ignored_first", "x", "d1", None)


def test_a_first_tool_that_was_called_is_not() -> None:
    judge = ImplicitJudge()
    judge.see(_decision(1, 1.0))
    judge.see(_call("x", 2.0))
    assert "ignored_first" not in _why(judge.see(_decision(2, 500.0)))


def test_agents_are_kept_apart() -> None:
    judge = ImplicitJudge()
    judge.see(_call("x", 1.0))
    assert judge.see(_call("x", 2.0, args="a2", agent="b")) == []


def test_a_weight_of_zero_switches_a_signal_off() -> None:
    judge = ImplicitJudge(ImplicitWeights(0.0, 0.0, 0.0, 0.0, 0.0))
    judge.see(_decision(1, 1.0))
    judge.see(_call("y", 2.0, bytes_out=1))
    assert judge.see(_decision(2, 3.0)) == []


def test_other_facts_are_none_of_its_business() -> None:
    fact = StateChanged(at=0.0, server=ServerName("x"), state="ready", health="healthy", reason="")
    assert ImplicitJudge().see(fact) == []
