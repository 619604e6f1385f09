"""Who may import whom: downwards only, and a heavy library belongs to one folder."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "ecgbatch"

# Rows from the bottom up: a module imports from rows below its own, or from its own package.
ROWS = [
    {"errors", "flags"},
    {"types"},
    {"config", "schema"},
    {"models", "imaging", "signal", "storage"},
    {"tables"},
    {"evaluation", "report", "export", "synth"},
    {"stages"},
    {"flow", "training"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(ROWS) for name in names}

# Heavy or dangerous libraries, and who may touch them.
OWNERS = {
    "ray": {"flow", "training"},
    "torch": {"models", "training"},
    "safetensors": {"models", "training"},
    "cv2": {"imaging", "synth", "report"},
    "s3fs": {"storage"},
    "fsspec": {"storage"},
    "aiobotocore": {"storage"},
    "botocore": {"storage"},
    "pypdfium2": {"imaging", "synth"},
    "pydicom": {"imaging"},
    "wfdb": {"storage", "export", "synth", "evaluation"},
    "typer": {"cli"},
}


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, node.module)]
            if node.module == "ecgbatch":
                found += [(node.lineno, f"ecgbatch.{alias.name}") for alias in node.names]
    return found


def violations(path: Path, source_folder: str) -> list[str]:
    wrong = []
    for line, name in imports(path):
        root, *rest = name.split(".")
        if root in OWNERS and source_folder not in OWNERS[root]:
            wrong.append(f"{path}:{line}: {root} belongs to {sorted(OWNERS[root])}")
        if root == "ecgbatch" and rest and rest[0] in LEVEL and rest[0] != source_folder:
            if source_folder not in LEVEL:
                wrong.append(f"{path}:1: {source_folder} has no row in this test")
            elif LEVEL[rest[0]] >= LEVEL[source_folder]:
                wrong.append(f"{path}:{line}: {source_folder} must not import {rest[0]}")
    return wrong


def folder(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_point_downwards_and_heavy_libraries_have_one_home():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent == PACKAGE and path.name in {"__init__.py", "__main__.py"}:
            continue
        wrong += violations(path, folder(path))
    assert wrong == []


def test_a_planted_violation_is_found(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text("import ray\nfrom ecgbatch.flow import cluster\n")
    assert len(violations(planted, "imaging")) == 2


def test_importing_the_stages_loads_neither_ray_nor_torch():
    code = (
        "import sys, pkgutil, importlib, ecgbatch.stages as s\n"
        "names = [m.name for m in pkgutil.iter_modules(s.__path__, s.__name__ + '.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        "bad = {'ray', 'torch'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
