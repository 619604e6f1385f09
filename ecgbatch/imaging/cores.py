"""How many cores a process uses for one page."""

import cv2


def use_one_core() -> None:
    """Keep OpenCV from starting threads: where every core has its worker, they only get in the way.

    For processes of a pool. A single process may keep OpenCV's default, one thread for each core.
    """
    cv2.setNumThreads(1)
