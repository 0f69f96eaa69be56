"""`learn status|train|evaluate|report`: the policy as people see it."""

from __future__ import annotations

from typing import Any

from gateway.verbs.parts import Running

Json = dict[str, Any]


async def learn_status(running: Running) -> Json:
    """What the policy has learned, how it does against the static ranker, and how its learner is."""
    return {**running.policy.status(), "learner": running.learner.status()}


async def learn_train(running: Running) -> Json:
    """Train now, on everything that is committed."""
    await running.ledger_sink.committed()
    answer = await running.learner.train()
    metrics = answer.get("metrics") or {}
    return {
        "trained": answer.get("consumed"),
        "replay": answer.get("replay"),
        "loss": metrics.get("loss"),
        "grad_norm": metrics.get("grad_norm"),
        "version": running.policy.version,
    }


async def learn_evaluate(running: Running) -> Json:
    """Estimate from the evaluation bucket what the policies are worth."""
    await running.ledger_sink.committed()
    return await running.learner.evaluate()


async def learn_report(running: Running) -> Json:
    """The status and every tool with what is believed of it, best first."""
    scores = running.policy.explain("", running.caller(), tuple(running.endpoint.toolset.entries))
    rows = [
        {
            "name": s.name,
            "score": s.score,
            "relevance": s.relevance,
            "reliability": s.reliability,
            "n": s.n,
            "why": s.why,
        }
        for s in scores
    ]
    return {**await learn_status(running), "tools": rows}
