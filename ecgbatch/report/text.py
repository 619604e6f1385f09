"""Text that a person reads: nothing in it can move a cursor, colour a line or hide another."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a visible form: controls, direction marks, surrogates, unassigned."""


def printable(text: str) -> str:
    r"""Return ``text`` with everything that does not print written as its escape.

    Keys and arguments are chosen by others; an escape sequence in one could rewrite the screen
    of whoever reads it, and a direction mark could show one name as another.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    return "".join(_escape(char) for char in text)


def _escape(char: str) -> str:
    if unicodedata.category(char) in _HIDDEN:
        return char.encode("unicode_escape").decode("ascii")
    return char
