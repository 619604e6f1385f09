import torch

from ecgbatch.models.folding import channels_together, folded
from ecgbatch.models.locator import HEATS, VALUES, LocatorNet
from ecgbatch.models.reader import NAMES, ReaderNet


def settled(network, inputs):
    """A network whose normalisations are not those of a new one."""
    torch.manual_seed(0)
    network.train()
    with torch.no_grad():
        network(inputs)
    return network.eval()


def test_a_folded_locator_answers_the_same():
    pages = torch.rand(2, 1, 64, 96)
    network = settled(LocatorNet(), pages)
    with torch.inference_mode():
        before = network(pages)
        after = channels_together(folded(network))(pages)
    assert before[0].shape == (2, len(HEATS) + len(VALUES), 16, 24)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert not any("running_mean" in name for name in network.state_dict())


def test_a_folded_reader_answers_the_same():
    words = torch.rand(3, 1, 32, 96)
    network = settled(ReaderNet(), words)
    network.train()
    with torch.no_grad():
        network.lines(network(words))
    network.eval()
    with torch.inference_mode():
        before = network.names(network(words)), network.lines(network(words))
        folded(network)
        after = network.names(network(words)), network.lines(network(words))
    assert before[0].shape == (3, len(NAMES))
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
