"""Pages of lines and text: what the operators say, and what has no vector form."""

import numpy as np
import pypdfium2
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import turned
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.pdf import PdfPage, text_operators, write_pdf
from ecgbatch.synth.style import style
from ecgbatch.synth.vector import vector_page
from ecgbatch.types import LEADS


def page(look):
    signals = {lead: 300 * np.sin(np.arange(5000) / 90) for lead in LEADS}
    signals["V1"][2600:2700] = np.nan
    return render(signals, fs_hz=500.0, layout=layout("3x4"), style=look, dpi=100)


def test_the_page_has_the_size_of_its_paper_and_its_text_can_be_read():
    look = style("pink_letter")
    drawn = page(look)
    with pypdfium2.PdfDocument(write_pdf([vector_page(drawn.truth, look)])) as document:
        assert document[0].get_size() == pytest.approx((792, 612), abs=0.5)  # letter, in points
        words = document[0].get_textpage().get_text_bounded()
    assert "aVR" in words
    assert "25mm/s" in words


def test_a_missing_sample_interrupts_the_line():
    look = style("pink_letter", pulse="none", header="none", minor_grid="none", major_grid="none")
    content = vector_page(page(look).truth, look).content
    # 12 leads, one of them in two pieces.
    assert content.count(b" m\n") == 13


def test_what_has_no_vector_form_is_refused():
    dotted = style("black_dots")
    with pytest.raises(ConfigError, match="dotted"):
        vector_page(page(dotted).truth, dotted)
    look = style("pink_letter")
    with pytest.raises(ConfigError, match="as printed"):
        vector_page(turned(page(look), quarter_turns=1).truth, look)


def test_brackets_and_strokes_in_a_text_are_text():
    text = "a (b) \\ c"
    operators = text_operators(text, x_pt=20, y_pt=20, capital_pt=8, face="mono")
    with pypdfium2.PdfDocument(write_pdf([PdfPage(200, 60, operators)])) as document:
        assert document[0].get_textpage().get_text_bounded().strip() == text
