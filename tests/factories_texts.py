"""Names of patients at every place of a page where they must not survive."""

import cv2
import numpy as np

NAME = "CANARYSON JOHN 19450102"
BLACK, PALE, BLUE = (20, 20, 25), (240, 190, 195), (60, 80, 190)


def _text(page, place, *, size=1.0, colour=BLACK, thick=2, turn=0, words=NAME):
    """Write words whose middle is at shares ``(x, y)`` of the page, turned by degrees."""
    (width, height), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    side = int(np.hypot(width, height + below)) + 8
    mask = np.zeros((side, side), np.uint8)
    at = ((side - width) // 2, (side + height) // 2)
    cv2.putText(mask, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, thick, cv2.LINE_AA)
    mask = cv2.warpAffine(
        mask, cv2.getRotationMatrix2D((side / 2, side / 2), turn, 1.0), (side,) * 2
    )
    left, top = (
        round(share * length - side / 2)
        for share, length in zip(place, page.shape[1::-1], strict=True)
    )
    rows, columns = slice(max(0, top), top + side), slice(max(0, left), left + side)
    inked = page.copy()
    under = inked[rows, columns]
    share = mask[max(0, -top) :, max(0, -left) :][: under.shape[0], : under.shape[1], None] / 255
    inked[rows, columns] = under + share * (np.array(colour) - under)
    return inked


def _everywhere(page, **how):
    """Write fifty times, between traces, across them and beside names of leads."""
    for y in np.arange(0.03, 1.0, 0.047):
        for x in (0.16, 0.5, 0.84):
            page = _text(page, (x, y), **how)
    return page


def _handwriting(page):
    """Joined loops, as a signature is: one mark, wider than any letter."""
    phase = np.linspace(0, 9 * np.pi, 400)
    points = np.column_stack([300 + 9 * phase + 14 * np.sin(phase), 90 + 22 * np.cos(phase)])
    inked = page.copy()
    cv2.polylines(inked, [np.int32(points * 16)], False, BLUE, 2, cv2.LINE_AA, 4)
    return inked


def _around(page):
    """In the head, the foot and a margin, upside down, letter by letter, and as a signature."""
    page = _text(page, (0.3, 0.04))
    page = _text(page, (0.6, 0.97), size=0.5, thick=1)
    page = _text(page, (0.015, 0.5), size=0.6, turn=90)
    page = _text(page, (0.7, 0.06), turn=180)
    return _handwriting(_text(page, (0.4, 0.09), words="L  E  E   J  O"))


PLANTS = {
    "around": _around,
    "close to traces": lambda page: _text(page, (0.4, 0.335), size=0.45, thick=1),
    "pale as the grid": lambda page: _everywhere(page, colour=PALE, size=1.4, thick=4),
    "stamped over traces": lambda page: _text(page, (0.5, 0.5), size=3.0, thick=8, turn=25),
    "small, everywhere": lambda page: _everywhere(page, size=0.4, thick=1),
    "large, everywhere": lambda page: _everywhere(page, size=0.9),
    "blue, everywhere": lambda page: _everywhere(page, size=0.7, colour=BLUE),
}
