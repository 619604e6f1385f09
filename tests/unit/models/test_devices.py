"""Which device a worker computes on."""

import pytest
import torch

from ecgbatch.models import devices
from ecgbatch.models.devices import device_for, quickest_dtype


@pytest.mark.parametrize(
    ("gpus", "usable", "expected"),
    [(0.0, True, "cpu"), (0.25, True, "cuda"), (0.25, False, "cpu"), (0.0, False, "cpu")],
)
def test_a_gpu_is_taken_by_those_alone_that_were_given_one(monkeypatch, gpus, usable, expected):
    monkeypatch.setattr(devices, "gpu_is_usable", lambda: usable)
    assert device_for(gpus=gpus).type == expected


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
        ({"avx2": True}, torch.float32),
    ],
)
def test_a_cpu_halves_numbers_only_if_it_can_compute_with_them(monkeypatch, able, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert quickest_dtype(torch.device("cpu")) == expected
    assert quickest_dtype(torch.device("cuda")) == torch.float16
