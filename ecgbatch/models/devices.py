"""Where networks compute, and in which numbers."""

from __future__ import annotations

import torch
from torch import nn


def gpu_is_usable() -> bool:
    """Whether torch can compute on a GPU of this machine."""
    return torch.cuda.is_available()


def device_for(*, gpus: float) -> torch.device:
    """Return the device of a worker.

    Args:
        gpus: Share of a GPU that it was given. Without one it leaves every GPU alone, also where
            the machine has some: they belong to the workers that were given them.

    Returns:
        The GPU; the CPU where there is none that torch can use. Rows are the same but for
        rounding, and ``flow`` says in the summary of a run that it happened.
    """
    return torch.device("cuda" if gpus > 0 and gpu_is_usable() else "cpu")


def device_of(network: nn.Module) -> torch.device:
    """Return where a network computes."""
    return next(network.parameters()).device


def memory_ended(error: BaseException) -> bool:
    """Whether torch ran out of memory; on a CPU it says so in words alone."""
    return (
        isinstance(error, (torch.OutOfMemoryError, MemoryError))
        or "can't allocate memory" in str(error)
        or "not enough memory" in str(error)
    )


def quickest_dtype(device: torch.device) -> torch.dtype:
    """Return numbers of half the length where the device has arithmetic of its own for them."""
    if device.type == "cuda":
        return torch.float16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32
