"""What each damage profile costs on one core.

    OMP_NUM_THREADS=1 python benchmarks/damage.py [pages] [dpi]

The page is a letter sheet, printed beforehand. Composed profiles such as ``stained+phone_photo``
cost the sum of their parts.
"""

import sys
import time

import cv2
import numpy as np

from ecgbatch.synth.damage import damaged, named_profile, profile_names
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style


def main() -> None:
    """Print one row per profile."""
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    dpi = float(sys.argv[2]) if len(sys.argv) > 2 else 200.0
    page = render(
        simulate(0).by_name(),
        fs_hz=500.0,
        layout=layout("3x4+1R"),
        style=style("pink_letter"),
        dpi=dpi,
    )
    height, width = page.pixels.shape[:2]
    print(f"{width} x {height} px, {count} seeds")
    print(f"{'profile':18s} {'CPU ms':>7s} {'most':>7s} {'pages/s':>8s}  about")
    for name in profile_names():
        spent = []
        for seed in range(count):
            begin = time.process_time()
            damaged(page, profile=name, seed=seed)
            spent.append(1000 * (time.process_time() - begin))
        median = float(np.median(spent))
        rate = f"{1000 / median:8.1f}" if median >= 0.1 else f"{'-':>8s}"
        about = named_profile(name).about
        print(f"{name:18s} {median:7.0f} {max(spent):7.0f} {rate}  {about}")


if __name__ == "__main__":
    main()
