"""Vocabularies are whole, and what they point to exists."""

from collections import Counter

from ecgbatch.models.vocabularies import VOCABULARIES, is_rhythm, statements, targets
from ecgbatch.signal.rules import RULES


def test_each_vocabulary_has_all_its_statements_once():
    counts = Counter(each.vocabulary for each in statements())
    assert [counts[name] for name in VOCABULARIES] == [5, 23, 12, 11, 5]
    assert len({(each.vocabulary, each.code) for each in statements()}) == len(statements())


def test_rules_that_give_evidence_exist():
    assert {each.rule for each in statements() if each.rule} <= {rule.code for rule in RULES}


def test_codes_of_other_systems_are_written_as_those_write_them():
    for each in statements():
        assert each.snomed_ct is None or (each.snomed_ct.isdigit() and len(each.snomed_ct) >= 6)
        assert each.scp_ecg is None or each.scp_ecg == " ".join(each.scp_ecg.split())
        assert each.says.endswith(".")


def test_statements_that_mean_the_same_are_learnt_once():
    by_code = {(each.vocabulary, each.code): each for each in statements()}
    normal = by_code["ptbxl5", "NORM"].target
    for same in (("ptbxl23", "NORM"), ("cinc2024", "NORM"), ("triage4", "normal")):
        assert by_code[same].target == normal
    assert targets().count(normal) == 1


def test_what_no_label_tells_has_no_target():
    [acute] = [each for each in statements() if each.code == "Acute MI"]
    assert acute.target == ""
    assert "" not in targets()


def test_the_order_of_beats_is_told_from_the_form_of_waves():
    rhythm = {each.code for each in statements() if is_rhythm(each) and each.said}
    assert {"SR", "AFIB", "PVC", "TACHY", "abnormal_beat"} <= rhythm
    assert not rhythm & {"NORM", "LVH", "CLBBB", "Old MI", "infarct"}
