"""Nothing that is printed can move a cursor or hide a name."""

import pytest

from ecgbatch.report.text import printable


@pytest.mark.parametrize("text", ["plain", "Ærøskøbing µV", "日本", "a b", ""])
def test_what_prints_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),  # colour
        ("a\rb", "a\\rb"),  # overwrites the line
        ("a\nb", "a\\nb"),  # forges a line of the log
        ("\u202etxt.exe", "\\u202etxt.exe"),  # right-to-left override
        ("a\u200bb", "a\\u200bb"),  # zero width
        ("\x9b2J", "\\x9b2J"),  # the one-byte CSI
        ("\udcff", "\\udcff"),  # a byte that is not UTF-8, as the file system gives it
    ],
)
def test_what_does_not_print_is_escaped(text, shown):
    assert printable(text) == shown
