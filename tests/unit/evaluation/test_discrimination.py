"""AUROC, calibration and risk on examples that can be counted by hand."""

import numpy as np
import pytest

from ecgbatch.evaluation.discrimination import (
    auroc,
    auroc_error,
    calibration_error,
    f1,
    macro_auroc,
    selective_risk,
)


def array(*values):
    return np.array(values, np.float64)


def truth(*values):
    return np.array(values, np.bool_)


def test_auroc_counts_pairs_ties_half_and_missing_scores_lowest():
    assert auroc(array(1, 2, 3, 4), truth(0, 0, 1, 1)) == 1
    assert auroc(array(4, 3, 2, 1), truth(0, 0, 1, 1)) == 0
    assert auroc(array(1, 1, 1, 1), truth(0, 1, 0, 1)) == 0.5
    assert auroc(array(np.nan, 2), truth(1, 0)) == 0
    assert np.isnan(auroc(array(1, 2), truth(1, 1)))


def test_its_error_shrinks_with_the_root_of_how_many_there_are():
    few, many = (auroc_error(0.8, positive=n, negative=n) for n in (50, 5000))
    assert few / many == pytest.approx(10, rel=0.02)


def test_a_statement_with_too_few_positives_is_not_in_the_mean():
    scores = np.array([[0.1, 0.9], [0.2, 0.1], [0.3, 0.2], [0.4, 0.3]])
    positive = np.array([[0, 1], [0, 0], [1, 0], [1, 0]], np.bool_)
    known = np.ones_like(positive)
    assert macro_auroc(scores, positive, known, fewest=2) == (1.0, 1)
    assert macro_auroc(scores, positive, known, fewest=1) == (1.0, 2)
    mean, count = macro_auroc(scores, positive, known, fewest=3)
    assert np.isnan(mean)
    assert count == 0


def test_records_that_are_not_labelled_do_not_count():
    scores = np.array([[0.9], [0.1], [0.8]])
    positive = np.array([[0], [0], [1]], np.bool_)
    known = np.array([[0], [1], [1]], np.bool_)
    assert macro_auroc(scores, positive, known, fewest=1) == (1.0, 1)


def test_f1_of_nothing_found_is_nothing():
    assert f1(truth(1, 1, 0), truth(1, 0, 1)) == 0.5
    assert f1(truth(0, 0), truth(1, 0)) == 0
    assert f1(truth(0, 0), truth(0, 0)) == 0


def test_calibration_error_is_how_far_words_are_from_deeds():
    assert calibration_error(array(0.25, 0.25, 0.25, 0.25), truth(1, 0, 0, 0)) == 0
    assert calibration_error(array(1.0, 1.0), truth(0, 0)) == 1


def test_the_surest_answers_are_kept():
    wrong, doubt = truth(0, 0, 0, 1, 1), array(1, 2, 3, 4, 5)
    risks = selective_risk(wrong, doubt, coverages=(0.6, 0.8, 1.0))
    assert [risk.error for risk in risks] == [0, 0.25, 0.4]
