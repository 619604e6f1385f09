"""The sample archive gives what the README says it gives."""

import re
from pathlib import Path

import pytest

from ecgbatch.cli import main

ROOT = Path(__file__).parents[2]


def test_the_sample_archive_gives_the_counts_of_the_readme(tmp_path, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(files .*?)```", readme, re.DOTALL).group(1)
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(ROOT / "samples" / "archive"), str(tmp_path / "out"), "--local"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for line in filter(None, block.splitlines()):
        assert line in printed.splitlines(), "bring the README up to date"
