"""What the documents say is what the package does."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main

from ecgbatch import cli, schema
from ecgbatch.cli import submitting
from ecgbatch.config import RunConfig
from ecgbatch.errors import Reason
from ecgbatch.flags import Flag
from ecgbatch.flow import summary
from ecgbatch.report import cards, tables
from ecgbatch.synth.dataset import index
from ecgbatch.synth.dataset.recipe import make_recipe

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(cli.app).commands
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "cluster/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code_lines():
    """Every line of a code block, and every inline code, that calls the command line."""
    for path in DOCUMENTS:
        body = path.read_text(encoding="utf-8")
        inline = re.findall(r"`(ecgbatch [^`]+)`", body)
        blocks = re.findall(r"^\s*(ecgbatch [a-z]+ .*)$", body, flags=re.MULTILINE)
        for line in (*inline, *blocks):
            yield path.name, line.partition("  #")[0]


def test_the_description_of_the_tables_is_fresh():
    assert text("docs/tables.md") == tables.markdown(), "run `make docs`"


def test_every_model_has_a_page_that_says_what_its_card_says():
    for card in cards.shipped_cards():
        assert text(f"docs/models/{card['name']}.md") == cards.page_of(card), "run `make docs`"


def test_every_column_of_every_table_has_a_sentence():
    for table in schema.PUBLISHED.values():
        for field in table:
            assert field.metadata[b"text"].decode().endswith("."), field.name


def test_every_reason_has_a_line_and_no_line_is_left_over():
    section = text("docs/operating.md").partition("## Reasons")[2].partition("\n## ")[0]
    lines = dict(re.findall(r"^\| `(\w+)` \| (yes)? ?\|", section, flags=re.MULTILINE))
    assert set(lines) == {reason.value for reason in Reason}
    again = {name for name, word in lines.items() if word}
    assert again == {reason.value for reason in Reason if reason.retriable}


def test_every_flag_has_a_line_and_no_line_is_left_over():
    section = text("docs/operating.md").partition("## Flags")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == {flag.value for flag in Flag}


def test_every_exit_status_has_a_line():
    section = text("docs/operating.md").partition("## The end of a run")[2].partition("\n## ")[0]
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert documented == {
        summary.DONE,
        summary.DEFECTS,
        summary.USAGE,
        summary.TOO_MANY_QUARANTINED,
        summary.RESUMABLE,
    }


@pytest.mark.parametrize(("document", "line"), list(code_lines()))
def test_every_command_in_the_documents_exists_with_its_options(document, line):
    _, name, *arguments = shlex.split(line)
    assert name in COMMANDS, document
    if "--" in arguments:  # of a submitted job; some are commands, too
        mark = arguments.index("--")
        job, arguments, of_job = arguments[0], arguments[:mark], arguments[mark + 1 :]
        assert job in submitting.jobs() or job.isupper(), document
        if job in COMMANDS:
            require_known(job, of_job, document)
    require_known(name, arguments, document)


def require_known(name, arguments, document):
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    options = {word for word in arguments if word.startswith("-")}
    assert options <= known, document


def test_every_command_is_documented():
    documented = {line.split()[1] for _, line in code_lines()}
    assert documented >= set(COMMANDS)


def test_the_settings_in_the_documents_are_settings():
    block = re.search(r"```toml\n(.*?)```", text("docs/operating.md"), re.DOTALL)
    RunConfig.model_validate(tomllib.loads(block.group(1)))


def test_the_recipe_in_the_documents_is_a_recipe():
    block = re.search(r"```toml\n(.*?)```", text("docs/synth.md"), re.DOTALL)
    values = tomllib.loads(block.group(1))
    assert make_recipe({"kind": "pages", **values}).count == 100_000
    defaults = make_recipe({"kind": "pages", "count": 1})
    for name in ("split_gain", "vary_styles", "other_rhythm", "image", "jpeg_quality", "shard"):
        assert values[name] == getattr(defaults, name)
    for name, value in values["archive"].items():
        assert value == getattr(defaults.archive, name)


def test_every_column_of_a_data_set_has_its_line():
    for table in (index.INDEX, index.ARCHIVE, index.SIGNALS):
        for field in table:
            line = f"| `{field.name}` | {field.metadata[b'text'].decode()} |"
            assert line in text("docs/synth.md"), line


def test_the_limits_in_the_documents_are_the_defaults():
    defaults = RunConfig().read
    section = text("docs/operating.md").partition("## Limits")[2]
    for name, words in {
        "max_bytes": f"{defaults.max_bytes // 2**20} MiB",
        "max_pixels": f"{defaults.max_pixels // 10**6} million",
        "max_pages": f"{defaults.max_pages:,}".replace(",", " "),
        "page_seconds": f"{defaults.page_seconds:.0f} s",
        "decoder_memory_bytes": f"{defaults.decoder_memory_bytes // 2**30} GiB",
    }.items():
        assert re.search(rf"\| {words} \| `read.{name}` \|", section), name


def test_the_columns_in_the_readme_exist():
    for table, columns in re.findall(
        r"^\| `(\w+)` \| [^|]+ \| `([\w ]+)` \|", text("README.md"), re.MULTILINE
    ):
        assert set(columns.split()) <= set(schema.PUBLISHED[table].names), table


def test_every_link_between_the_documents_leads_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_target_in_the_documents_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for path in DOCUMENTS:
        named = re.findall(r"`make ([a-z -]+)`|^\s+make ([a-z-]+)", path.read_text(), re.MULTILINE)
        assert {word for pair in named for part in pair for word in part.split()} <= targets


def test_every_folder_of_the_package_stands_in_the_tree():
    tree = text("README.md").partition("## The tree")[2]
    for path in (ROOT / "ecgbatch").iterdir():
        if path.name.startswith("_") or path.name == "py.typed":
            continue
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name in tree, name
