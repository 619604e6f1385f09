"""What a number of machines does in an hour, and what a million pages cost: a model, not a run.

::

    python benchmarks/capacity.py --core-seconds 0.61 --core-price 0.03 --page-mb 2.6

``docs/capacity.md`` has the formulas, where each input was measured, and what the model leaves out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

MILLION = 1e6
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was measured, and what is paid.

    Attributes:
        core_seconds: CPU time of a page, over all stages that run on CPUs.
        gpu_seconds: Time of a page on a GPU; 0 where networks run on CPUs.
        overhead: CPU time that Ray adds, as a share.
        page_mb: Bytes of a page as it is archived.
        row_mb: Bytes of what is published of it.
        nic_mb_per_s: What one machine can read.
        gets_per_s: What the store answers for one prefix.
        core_price: Of a core for an hour.
        gpu_price: Of a GPU for an hour.
        get_price: Of a thousand requests.
    """

    core_seconds: float
    gpu_seconds: float = 0.0
    overhead: float = 0.092
    page_mb: float = 2.6
    row_mb: float = 0.037
    nic_mb_per_s: float = 1250.0
    gets_per_s: float = 5500.0
    core_price: float = 0.0
    gpu_price: float = 0.0
    get_price: float = 0.0


def rate(inputs: Inputs, *, cores: int, cores_per_machine: int, gpus: int) -> tuple[float, str]:
    """Return pages per second, and what they are limited by."""
    machines = -(-cores // cores_per_machine)
    limits = {
        "cores": cores / (inputs.core_seconds * (1 + inputs.overhead)),
        "network": machines * inputs.nic_mb_per_s / (inputs.page_mb + inputs.row_mb),
        "requests": inputs.gets_per_s,
    }
    if inputs.gpu_seconds:
        limits["GPUs"] = gpus / inputs.gpu_seconds
    least = min(limits, key=lambda name: limits[name])
    return limits[least], least


def cost_of_a_million(inputs: Inputs, *, pages_per_s: float, cores: int, gpus: int) -> float:
    """Return what a million pages cost on machines that are paid while they work."""
    hours = MILLION / pages_per_s / HOUR_S
    machines = hours * (cores * inputs.core_price + gpus * inputs.gpu_price)
    return machines + MILLION / 1000 * inputs.get_price


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--core-seconds", type=float, required=True)
    for name, value in (
        ("gpu-seconds", 0.0),
        ("overhead", 0.092),
        ("page-mb", 2.6),
        ("row-mb", 0.037),
        ("nic-mb-per-s", 1250.0),
        ("gets-per-s", 5500.0),
        ("core-price", 0.0),
        ("gpu-price", 0.0),
        ("get-price", 0.0),
    ):
        parser.add_argument(f"--{name}", type=float, default=value)
    parser.add_argument("--cores-per-machine", type=int, default=16)
    parser.add_argument("--gpus-per-machine", type=int, default=0)
    asked = vars(parser.parse_args())
    per_machine = asked.pop("cores_per_machine"), asked.pop("gpus_per_machine")
    inputs = Inputs(**asked)
    head = f"{'cores':>7}{'GPUs':>6}{'pages/s':>10}  {'by':<10}{'MB/s in':>9}"
    print(f"{head}{'h/million':>11}{'cost':>9}")
    for cores in (1, 16, 64, 256, 1024, 4096):
        gpus = -(-cores // per_machine[0]) * per_machine[1]
        pages, limit = rate(inputs, cores=cores, cores_per_machine=per_machine[0], gpus=gpus)
        cost = cost_of_a_million(inputs, pages_per_s=pages, cores=cores, gpus=gpus)
        hours = MILLION / pages / HOUR_S
        print(
            f"{cores:7}{gpus:6}{pages:10.1f}  {limit:<10}{pages * inputs.page_mb:9.0f}"
            f"{hours:11.1f}{cost:9.2f}"
        )


if __name__ == "__main__":
    main()
