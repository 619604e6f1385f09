"""Members that see pages: what is hidden changes nothing, and what is nothing gets no answer."""

import numpy as np
import pytest
import torch

from ecgbatch.models.members import PAGE_MEMBERS
from ecgbatch.models.page import PageDiagnosis, PageSeen
from ecgbatch.models.strips import COLUMNS, ROWS, StripFarNet, StripPatchNet, StripRowNet

ANSWERS = 5


@pytest.fixture(params=[StripPatchNet, StripRowNet, StripFarNet])
def net(request):
    torch.manual_seed(0)
    return request.param(ANSWERS).eval()


def strips(pages=2, seed=0):
    """Pages of four columns of three leads, and a long second lead."""
    rng = np.random.default_rng(seed)
    ink = torch.from_numpy(rng.integers(0, 255, (pages, 12, ROWS, COLUMNS)).astype(np.uint8))
    shown = torch.zeros(pages, 12, COLUMNS, dtype=torch.bool)
    for lead in range(12):
        shown[:, lead, lead // 3 * 200 : lead // 3 * 200 + 200] = True
    shown[:, 1] = True
    return ink, shown


def test_what_is_not_shown_changes_no_bit_of_the_answer(net):
    ink, shown = strips()
    shown[:, 4, 230:260] = False
    with torch.no_grad():
        other = torch.where(shown[:, :, None], ink, 255 - ink)
        assert torch.equal(net(ink, shown), net(other, shown))
        assert not torch.equal(net(ink, shown), net(255 - ink, shown))


def test_a_page_that_shows_nothing_has_no_answer_and_does_not_disturb_others(net):
    ink, shown = strips(3)
    shown[1] = False
    with torch.no_grad():
        answers = net(ink, shown)
        assert torch.isnan(answers[1]).all()
        assert torch.allclose(answers[[0, 2]], net(ink[[0, 2]], shown[[0, 2]]), atol=1e-5)


def test_all_members_are_asked_of_many_pages_as_of_one():
    torch.manual_seed(0)
    network = PageDiagnosis().eval()
    ink, shown = (part.numpy() for part in strips(3))
    pages = [
        PageSeen(ink[:1], shown[:1]),
        PageSeen(ink[:0], shown[:0]),
        PageSeen(ink[1:], shown[1:]),
    ]
    found = network.logits(pages)
    assert found.shape[:2] == (3, len(PAGE_MEMBERS))
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
    for page, expected in zip(pages, found, strict=True):
        np.testing.assert_allclose(network.logits([page])[0], expected, atol=1e-4)
    assert network.logits([]).shape[0] == 0
