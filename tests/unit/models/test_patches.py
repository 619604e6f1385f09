"""The member that sees samples sees what was printed, and nothing else."""

import numpy as np
import pytest
import torch

from ecgbatch.models.patches import PATCH_STEP, PatchNet

HIDDEN = float("nan")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    net = PatchNet(5)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):  # as if it had been trained
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return net.eval()


def record(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 12, 1000, generator=generator)


def columns(signal):
    """Three rows of four columns one after the other: three quarters are hidden."""
    shown = torch.full_like(signal, HIDDEN)
    for lead in range(12):
        first = lead // 3 * 250
        shown[:, lead, first : first + 250] = signal[:, lead, first : first + 250]
    return shown


def answers(net, *signals):
    with torch.inference_mode():
        return net(torch.cat(signals))


def test_no_bit_of_the_answer_depends_on_how_a_hidden_sample_is_written(net):
    shown = columns(record())
    expected = answers(net, shown)
    for other in (float("inf"), float("-inf")):
        changed = torch.where(torch.isnan(shown), other, shown)
        assert torch.equal(answers(net, changed), expected)


def test_a_patch_without_a_visible_sample_takes_no_part(net):
    """Were it a token, moving its embedding would move the answer through attention or pooling."""
    shown = record()
    shown[:, 4] = HIDDEN
    shown[:, :, 3 * PATCH_STEP : 5 * PATCH_STEP + 20] = HIDDEN
    expected = answers(net, shown)
    lead, time = net.lead.data.clone(), net.time.data.clone()
    try:
        elsewhere = torch.linspace(-9, 9, net.lead.shape[1])
        net.lead.data[4] += elsewhere
        net.time.data[3:5] += elsewhere
        assert torch.equal(answers(net, shown), expected)
        net.time.data[5] += elsewhere  # of which 60 samples are shown
        assert not torch.allclose(answers(net, shown), expected, atol=1e-3)
    finally:
        net.lead.data, net.time.data = lead, time


def test_what_is_hidden_is_not_what_is_zero(net):
    shown = columns(record())
    zero = torch.nan_to_num(shown)
    assert not torch.allclose(answers(net, shown), answers(net, zero), atol=1e-3)


def test_every_visible_sample_counts(net):
    shown = columns(record())
    expected = answers(net, shown)
    for lead, sample in ((0, 0), (4, 311), (11, 999)):
        changed = shown.clone()
        changed[0, lead, sample] += 2
        assert not torch.equal(answers(net, changed), expected), (lead, sample)


def test_the_company_of_other_records_changes_nothing(net):
    """Records of one batch differ in how much they show; what fills them up is no token."""
    alone = answers(net, columns(record()))
    among = answers(net, record(1), columns(record()), record(2))[1:2]
    assert torch.allclose(alone, among, atol=1e-5)


def test_a_record_that_shows_nothing_has_no_answer_and_spoils_no_other(net):
    nothing = torch.full((1, 12, 1000), HIDDEN)
    both = answers(net, nothing, record())
    assert torch.isnan(both[0]).all()
    assert torch.allclose(both[1:], answers(net, record()), atol=1e-5)
    assert torch.isnan(answers(net, nothing)).all()


def test_leads_and_times_are_told_apart(net):
    shown = record()
    assert not torch.allclose(answers(net, shown), answers(net, shown.flip(1)), atol=1e-3)
    early, late = torch.full_like(shown, HIDDEN), torch.full_like(shown, HIDDEN)
    early[:, 1, :160], late[:, 1, 480:640] = shown[:, 1, :160], shown[:, 1, :160]
    assert not torch.allclose(answers(net, early), answers(net, late), atol=1e-3)


def test_gradients_reach_every_weight_and_stay_finite_where_a_record_is_empty(net):
    training = PatchNet(5)
    signal = torch.cat([columns(record()), torch.full((1, 12, 1000), HIDDEN)])
    training(signal)[0].sum().backward()
    for name, weight in training.named_parameters():
        assert weight.grad is not None, name
        assert np.isfinite(weight.grad.numpy()).all(), name
