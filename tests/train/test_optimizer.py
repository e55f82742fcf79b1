"""Which weights learn, how fast, and which are left alone."""

from dataclasses import replace

import pytest
import torch

from fer_core.model.network import build_network
from train.config import PRESETS
from train.optimizer import freeze_depthwise, layer_depths, make_optimizer, make_schedule


def test_lower_layers_learn_slower():
    config = replace(PRESETS["quick"], layer_decay=0.5, rate=0.1)
    network = build_network(config.architecture)
    depths = layer_depths(network)
    assert depths["classify.weight"] == 0
    assert depths["stem.0.weight"] == max(depths.values())
    rates = {id(p): g["lr"] for g in make_optimizer(network, config).param_groups for p in g["params"]}
    assert rates[id(network.classify.weight)] == pytest.approx(0.1)
    assert rates[id(network.stem[0].weight)] == pytest.approx(0.1 * 0.5 ** depths["stem.0.weight"])
    assert len(rates) == len(list(network.parameters()))


def test_biases_and_batch_norms_do_not_decay():
    config = PRESETS["quick"]
    network = build_network(config.architecture)
    decay = {id(p): g["weight_decay"] for g in make_optimizer(network, config).param_groups for p in g["params"]}
    for name, parameter in network.named_parameters():
        assert (decay[id(parameter)] > 0) == (parameter.ndim > 1), name


def test_depthwise_filters_can_be_left_as_they_are():
    network = build_network(PRESETS["transfer"].architecture)
    freeze_depthwise(network)
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert len(frozen) == 16
    assert all(dict(network.named_parameters())[name].shape[1] == 1 for name in frozen)
    assert "stem.0.weight" not in frozen
    taken = {id(p) for g in make_optimizer(network, PRESETS["transfer"]).param_groups for p in g["params"]}
    assert not taken & {id(dict(network.named_parameters())[name]) for name in frozen}


def test_one_cycle_reaches_the_rate_of_each_group():
    config = replace(PRESETS["quick"], layer_decay=0.5)
    network = build_network(config.architecture)
    optimizer = make_optimizer(network, config)
    wanted = [group["lr"] for group in optimizer.param_groups]
    schedule = make_schedule(optimizer, config, 40)
    seen = []
    for _ in range(40):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    assert torch.tensor(seen).max(0).values.tolist() == pytest.approx(wanted, rel=1e-3)
