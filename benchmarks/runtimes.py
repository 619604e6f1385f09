"""What the segmenter's convolutions cost on a CPU: in torch, and in two other runtimes.

::

    pip install onnx onnxruntime openvino   # no dependencies; those missing are left out
    python benchmarks/runtimes.py

One window of 38 mm by 270 mm, a row of twelve, on one thread; milliseconds of CPU time, the best of
some rounds. ``half`` are bfloat16, where the processor has arithmetic for it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor, nn

from ecgbatch.imaging.cores import use_one_core
from ecgbatch.models.card import load_weights, read_card, shipped_card
from ecgbatch.models.segmenter import Segmenter, folded

ROWS, COLUMNS = 384, 2688


class Convolutions(nn.Module):
    """A segmenter from windows of bytes to what its heads say, with every window told the same."""

    def __init__(self, network: Segmenter) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: Tensor, ridges: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Segmenter.squares``."""
        return self.network.squares(planes, ridges)


def shipped() -> Convolutions:
    """Return the shipped weights, their normalisations folded."""
    path = shipped_card("segmenter")
    card = read_card(path)
    network = Segmenter(card)
    load_weights(network, card, path.with_suffix(".safetensors"))
    return Convolutions(folded(network.eval())).eval()


def best_ms(run: Callable[[], object], rounds: int) -> float:
    """Least CPU time of a call; the first one, which sets things up, does not count."""
    run()
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        run()
        spent.append(1000 * (time.process_time() - begun))
    return min(spent)


def runtimes(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the name of each runtime that is there, and a call of it."""
    planes = torch.randint(0, 256, (1, 2, ROWS, COLUMNS), dtype=torch.uint8)
    told = torch.rand(1, 2, ROWS)
    whole, half = shipped(), shipped().bfloat16()
    yield "torch, whole numbers", lambda: whole(planes, told)
    yield "torch, half", lambda: half(planes, told.bfloat16())
    if not find_spec("onnx"):
        return
    file = folder / "segmenter.onnx"
    torch.onnx.export(
        whole, (planes, told), str(file), input_names=["planes", "told"], dynamo=False
    )
    given = {"planes": planes.numpy(), "told": told.numpy()}
    if find_spec("onnxruntime"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        yield "onnxruntime, whole numbers", lambda: session.run(None, given)
    if find_spec("openvino"):
        import openvino

        for name, precision in (("whole numbers", "f32"), ("half", "bf16")):
            compiled = openvino.Core().compile_model(
                str(file),
                "CPU",
                {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1},
            )
            request = compiled.create_infer_request()
            yield f"openvino, {name}", lambda request=request: request.infer(given)


def main() -> None:
    """Print a line per runtime."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    use_one_core()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        for name, run in runtimes(Path(folder)):
            print(f"{name:28}{best_ms(run, rounds):7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
