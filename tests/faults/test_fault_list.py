"""Every fault of the list has a test that can fail, under its number."""

import ast
import re
from collections import defaultdict
from pathlib import Path

FAULTS = range(1, 105)
"""1-31 bytes and containers, 32-51 documents, 52-64 pages, 65-75 names and listings, 76-87 storage,
88-100 the cluster, 101-104 models, settings and privacy."""

_NUMBERS = re.compile(r"fault_(\d+)((?:_and_\d+)*)")


def numbers_of(text):
    return {
        int(number)
        for found in _NUMBERS.finditer(text)
        for number in [found[1], *re.findall(r"\d+", found[2])]
    }


def texts_of(test):
    """Yield the name of a test and the ids of its parameters."""
    yield test.name
    for decorator in test.decorator_list:
        yield from (
            node.value
            for node in ast.walk(decorator)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )


def can_fail(test, helpers):
    """Whether a test asserts something, itself or through a function of its module."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Attribute) and node.attr in {"raises", "fail"}:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            helper = helpers.get(node.func.id)
            if node.func.id.startswith("assert_") or (
                helper is not None and helper is not test and can_fail(helper, {})
            ):
                return True
    return False


def test_every_number_of_the_list_has_a_test_and_no_other_number_does():
    tests = defaultdict(list)
    for path in sorted(Path(__file__).parent.glob("test_fault_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for name, function in functions.items():
            if name.startswith("test_"):
                for number in set().union(*map(numbers_of, texts_of(function))):
                    tests[number].append((path.name, name, can_fail(function, functions)))
    assert set(FAULTS) - set(tests) == set()
    assert set(tests) - set(FAULTS) == set()
    hollow = [found for each in tests.values() for found in each if not found[2]]
    assert hollow == []
