"""The torch module."""

from __future__ import annotations

import numpy as np
import torch

from gateway.learning.network import GROWTH, RelevanceNetwork
from gateway.learning.snapshot import BASE_GATES, RESIDUAL_SCALE


def _network(width: int = 0) -> RelevanceNetwork:
    return RelevanceNetwork(np.random.default_rng(1), width)


def _queries(network: RelevanceNetwork, vectors: torch.Tensor | None = None) -> torch.Tensor:
    features, weights = torch.tensor([5, 9, 5]), torch.tensor([0.6, 0.8, 1.0])
    return network.query_vectors(features, weights, torch.tensor([0, 2, 3]), vectors)


def test_an_untrained_network_says_what_the_static_ranker_says() -> None:
    network = _network()
    lexical = torch.tensor([[1.0, -2.0], [0.0, 0.5], [3.0, 3.0]])
    logits = network(_queries(network), lexical, None)
    assert torch.allclose(logits, BASE_GATES[1] * lexical + BASE_GATES[2])


def test_query_vectors_have_one_length_or_none() -> None:
    lengths = _queries(_network()).norm(dim=1)
    assert torch.allclose(lengths, torch.tensor([RESIDUAL_SCALE, RESIDUAL_SCALE, 0.0]), atol=1e-5)


def test_gradients_reach_every_part() -> None:
    network = _network(width=3)
    with torch.no_grad():
        network.rows.normal_(generator=torch.Generator().manual_seed(1))
    queries = _queries(network, torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))
    lexical = torch.ones(3, 4)
    network(queries, lexical, lexical).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_there_is_room_for_tools_to_come() -> None:
    assert _network().room() == GROWTH
