import numpy as np
import pytest
import torch

from ecgbatch.models.reader import (
    HEIGHT_PX,
    LETTER_PX,
    NAME_WIDTH_PX,
    NAMES,
    SYMBOLS,
    ReaderNet,
    collapsed,
    line_symbols,
    name_class,
    read_lines,
    read_names,
    word_image,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return ReaderNet().eval()


def page_with_word(left=100, top=60, width=40, height=26, ink=30):
    page = np.full((200, 300), 240, np.uint8)
    page[top : top + height, left : left + width] = ink
    return page, (float(left), float(top), float(left + width), float(top + height))


def test_a_word_is_brought_to_one_height_with_its_ink_at_one():
    for height in (16, 26, 40):
        page, box = page_with_word(height=height)
        picture = word_image(page, box)
        assert picture.shape[0] == HEIGHT_PX
        rows = np.flatnonzero(picture.max(axis=1) > 0.5)
        assert abs(len(rows) - LETTER_PX) <= 2
        assert picture.max() == pytest.approx(1, abs=0.1)
        assert picture[0].max() < 0.1


def test_a_name_stands_in_the_middle_of_its_picture():
    page, box = page_with_word()
    picture = word_image(page, box, width_px=NAME_WIDTH_PX)
    assert picture.shape == (HEIGHT_PX, NAME_WIDTH_PX)
    columns = np.flatnonzero(picture.max(axis=0) > 0.5)
    assert abs((columns[0] + columns[-1]) / 2 - NAME_WIDTH_PX / 2) < 3


def test_a_word_too_long_for_a_name_is_made_smaller():
    page, box = page_with_word(left=20, width=260)
    picture = word_image(page, box, width_px=NAME_WIDTH_PX)
    assert picture.shape == (HEIGHT_PX, NAME_WIDTH_PX)
    assert (picture.max(axis=0) > 0.5).sum() > 0.7 * NAME_WIDTH_PX


@pytest.mark.parametrize("box", [(-30, -30, 10, 10), (280, 190, 400, 260), (900, 900, 950, 930)])
def test_words_beyond_the_page_make_a_picture_all_the_same(box):
    page, _ = page_with_word()
    picture = word_image(page, tuple(map(float, box)), width_px=NAME_WIDTH_PX)
    assert picture.shape == (HEIGHT_PX, NAME_WIDTH_PX)
    assert np.isfinite(picture).all()


def test_every_name_has_a_likelihood_and_they_sum_to_one(network):
    page, box = page_with_word()
    [names] = read_names(network, page, [box])
    assert tuple(names) == NAMES
    assert sum(names.values()) == pytest.approx(1, abs=1e-5)
    assert read_names(network, page, []) == []


def test_a_line_is_read_in_symbols_with_a_likelihood_each(network):
    page, box = page_with_word(width=180)
    [line] = read_lines(network, page, [box])
    assert set(line.text) <= set("".join(SYMBOLS))
    assert len(line.likelihood) == len(line.text)


def test_a_line_is_read_alike_alone_and_beside_longer_ones(network):
    page, box = page_with_word(width=180)
    longer = (box[0], box[1], box[2] + 400, box[3])
    [alone] = read_lines(network, page, [box])
    beside = read_lines(network, page, [longer, box])[1]
    assert beside.text == alone.text
    assert beside.likelihood == pytest.approx(alone.likelihood, abs=1e-5)
    assert read_lines(network, page, []) == []


def test_no_letter_but_those_of_units_can_be_read():
    letters = {symbol for symbol in SYMBOLS if symbol.isalpha()}
    assert letters == {"m", "s", "e", "c", "V"}


def test_repeats_are_one_symbol_and_blanks_part_them():
    two, five, m = (SYMBOLS.index(symbol) for symbol in "25m")
    line = collapsed([0, two, two, five, 0, m, m, 0, m], [1, 0.5, 0.9, 0.8, 1, 0.7, 0.6, 1, 0.4])
    assert line.text == "25mm"
    assert line.likelihood == (0.9, 0.8, 0.7, 0.4)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("aVR", "aVR"), ("AVR", "aVR"), ("-aVR", "-aVR"), ("-AVR", "-aVR"), ("V1", "V1"),
        ("C4", "V4"), ("D2", "II"), ("DIII", "III"), ("V4R", "V4R"), ("III", "III"), ("Name", ""),
        ("", ""), ("-V1", ""),
    ],
)  # fmt: skip
def test_names_are_known_as_carts_spell_them(text, name):
    assert name_class(text) == name


def test_other_letters_are_one_symbol_and_spaces_one_space():
    symbols = "".join(SYMBOLS[index] for index in line_symbols("Vel:  25 mm/sec  10mm/mv"))
    assert symbols == "Ve** 25 mm/sec 10mm/mV"


def test_the_edge_of_a_pulse_beside_a_name_is_no_letter_of_it():
    page, box = page_with_word()
    alone = word_image(page, box, width_px=NAME_WIDTH_PX)
    page[60:200, 91:94] = 30  # its upper corner is as high as the letters, and its foot far below
    page[0:90, 148:150] = 30
    beside = word_image(page, box, width_px=NAME_WIDTH_PX)
    assert np.abs(beside - alone).max() < 0.2


def test_a_letter_beside_a_box_that_is_too_narrow_is_still_seen():
    page, box = page_with_word(width=40)
    narrow = (box[0] + 8, *box[1:])
    picture = word_image(page, narrow, width_px=NAME_WIDTH_PX)
    whole = word_image(page, box, width_px=NAME_WIDTH_PX)
    assert (picture > 0.5).sum() == pytest.approx((whole > 0.5).sum(), rel=0.1)
