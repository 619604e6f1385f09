import numpy as np
import pytest

from ecgbatch.evaluation.detection import (
    FoundBoxes,
    NamedPlace,
    average_precision,
    lead_identity,
    overlap_of_boxes,
    same_layout,
)


def boxes(*rows):
    return np.array(rows, np.float64).reshape(-1, 4)


def page(found, likelihood, true):
    return FoundBoxes(boxes(*found), np.array(likelihood, np.float64), boxes(*true))


ONE, TWO, AWAY = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


def test_overlap_is_intersection_over_union():
    found = overlap_of_boxes(boxes(ONE, (5, 0, 15, 10)), boxes(ONE, AWAY))
    assert found == pytest.approx(np.array([[1, 0], [1 / 3, 0]]))


def test_boxes_without_an_area_overlap_with_nothing():
    assert overlap_of_boxes(boxes((3, 3, 3, 3)), boxes((3, 3, 3, 3))).tolist() == [[0.0]]


def test_all_found_and_nothing_else_is_one():
    assert average_precision([page([ONE, TWO], [0.9, 0.8], [ONE, TWO])]) == 1.0


def test_a_false_box_costs_only_where_it_is_likelier_than_a_true_one():
    assert average_precision([page([ONE, AWAY], [0.9, 0.1], [ONE])]) == 1.0
    assert average_precision([page([ONE, AWAY], [0.1, 0.9], [ONE])]) == 0.5


def test_half_of_the_boxes_is_half():
    assert average_precision([page([ONE], [0.9], [ONE, TWO])]) == 0.5


def test_a_box_found_twice_counts_once():
    # the second is false: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1
    found = average_precision([page([ONE, ONE, TWO], [0.9, 0.8, 0.7], [ONE, TWO])])
    assert found == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_pages_are_ranked_together():
    pages = [page([ONE], [0.2], [ONE]), page([AWAY], [0.9], [ONE])]
    assert average_precision(pages) == pytest.approx(0.25)


def test_without_true_boxes_there_is_no_precision():
    assert np.isnan(average_precision([page([ONE], [0.9], [])]))


def test_without_found_boxes_it_is_nothing():
    assert average_precision([page([], [], [ONE])]) == 0.0


def test_too_small_an_overlap_is_no_hit():
    shifted = (5, 0, 15, 10)  # a third
    assert average_precision([page([shifted], [0.9], [ONE])]) == 0.0
    assert average_precision([page([shifted], [0.9], [ONE])], overlap=0.3) == 1.0


def lead(name, left, middle, *, role="strip", width=100):
    return NamedPlace(name, role, (left, middle - 10, left + width, middle + 10))


TRUE = [lead("I", 0, 50), lead("V1", 100, 50), lead("II", 0, 90, role="rhythm", width=200)]


def test_leads_are_right_where_place_and_name_are():
    assert lead_identity(TRUE, TRUE) == (3, 3)
    assert same_layout(TRUE, TRUE)


def test_exchanged_names_are_wrong_leads():
    found = [lead("V1", 0, 50), lead("I", 100, 50), TRUE[2]]
    assert lead_identity(found, TRUE) == (1, 3)
    assert not same_layout(found, TRUE)


def test_a_lead_in_another_row_is_not_found():
    assert lead_identity([lead("I", 0, 90)], [lead("I", 0, 50)]) == (0, 1)


def test_ends_and_heights_are_not_asked_of_identity():
    found = NamedPlace("I", "strip", (6, 20, 98, 82))
    assert lead_identity([found], [TRUE[0]]) == (1, 1)


def test_half_a_lead_is_not_it():
    assert lead_identity([lead("I", 0, 50, width=45)], [TRUE[0]]) == (0, 1)


def test_a_lead_too_many_is_another_layout():
    assert not same_layout([*TRUE, lead("V6", 0, 130)], TRUE)


def test_a_strip_for_a_rhythm_row_is_another_layout():
    found = [*TRUE[:2], lead("II", 0, 90, width=200)]
    assert lead_identity(found, TRUE) == (3, 3)
    assert not same_layout(found, TRUE)
