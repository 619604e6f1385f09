from ecgbatch.report.cards import page_of

CARD = {
    "name": "example",
    "version": "1.2.3",
    "sha256": "ab" * 32,
    "licence": "Apache-2.0",
    "data": "drawn pages",
    "command": "python jobs/train_example.py",
    "input": {"px_per_mm": 2.0, "channels": ["grey"], "normalisation": "none"},
    "classes": ["", "one", "two"],
    "measured": [{"figure": "found", "value": 0.98765, "data": "10 pages"}],
    "known_failures": ["pages seen from behind"],
}


def test_the_page_of_a_model_has_what_its_card_says():
    page = page_of(CARD)
    assert page.startswith("# example 1.2.3\n")
    assert "| sees | 2 px/mm: grey |" in page
    assert "| answers | `one`, `two` |" in page
    assert "| found | 0.988 | 10 pages |" in page
    assert "- pages seen from behind" in page
    assert "ab" * 32 in page


def test_a_model_that_nobody_measured_has_no_empty_tables():
    page = page_of(CARD | {"measured": [], "known_failures": []})
    assert "Measured" not in page
    assert "Where it fails" not in page
