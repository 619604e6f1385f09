"""What a process of a pool asks of its libraries: one core, and memory that is kept."""

import ctypes
import sys

import cv2

# mallopt(3) of the GNU C library
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT_BYTES = 2**25  # the most that the library allows; a colour page has 25 MB at 300 dpi
_MOST_KEPT_BYTES = 2**28


def use_one_core() -> None:
    """Keep OpenCV from starting threads: where every core has its worker, they only get in the way.

    For processes of a pool. A single process may keep OpenCV's default, one thread for each core.
    """
    cv2.setNumThreads(1)


def keep_memory() -> None:
    """Keep the memory of a page for the next one instead of giving it back.

    Fresh memory is mapped page by page at the first touch, which takes longer than most steps
    that fill it (``benchmarks/page_cost.py`` counts the faults). Pictures larger than 32 MiB
    are given back all the same. Without effect where the C library is not GNU's.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES)
