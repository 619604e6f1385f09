"""A decoding process that nothing of ours depends on."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode import Content, Scale
from ecgbatch.imaging.sandbox import Limits, Sandbox, parent, wire
from ecgbatch.imaging.sandbox.memory import SharedMemory
from ecgbatch.types import Lead, Page
from tests import factories_files as files
from tests.faulty_decoders import PROGRAM

FOUR = files.tiff([files.grey(seed) for seed in range(4)])


@pytest.fixture
def make():
    made = []

    def make(**options):
        limits = Limits(
            page_seconds=options.pop("page_seconds", 60.0),
            memory_bytes=options.pop("memory_bytes", 2**31),
        )
        usual = {"max_pixels": 10_000_000, "max_pages": 600, "pdf_dpi": 100.0}
        sandbox = Sandbox(formats=["jpeg", "png", "tiff", "pdf"], limits=limits, **usual | options)
        made.append(sandbox)
        return sandbox

    yield make
    for sandbox in made:
        sandbox.close()


def process(sandbox):
    return psutil.Process(sandbox._child._process.pid)


def contents(sandbox, data):
    return [decoded.content for decoded in sandbox.pages(data)]


def test_pages_come_back_as_they_are_decoded_here(make):
    pages = contents(make(), FOUR)
    assert len(pages) == 4
    for seed, content in enumerate(pages):
        assert np.array_equal(content.page.pixels, files.grey(seed))


def test_one_process_serves_many_files(make):
    sandbox = make()
    contents(sandbox, files.jpeg())
    first = process(sandbox).pid
    assert isinstance(contents(sandbox, b"nothing")[0], PageError)
    contents(sandbox, FOUR)
    assert process(sandbox).pid == first


def test_a_page_stays_as_it_was_when_the_next_is_read(make):
    sandbox = make()
    first = contents(sandbox, files.png(files.page(1)))[0].page.pixels
    contents(sandbox, files.png(files.page(2)))
    assert np.array_equal(first, files.page(1))


def test_two_files_can_be_read_in_turns(make):
    sandbox = make()
    one, other = sandbox.pages(FOUR), sandbox.pages(files.tiff([files.grey(8), files.grey(9)]))
    next(one)
    assert np.array_equal(next(other).content.page.pixels, files.grey(8))
    later = [decoded.content for decoded in one]
    assert np.array_equal(next(other).content.page.pixels, files.grey(9))
    assert np.array_equal(later[0].page.pixels, files.grey(1))


def test_the_process_is_replaced_after_so_many_pages_within_a_file(make, monkeypatch):
    monkeypatch.setattr(parent, "_PAGES_PER_CHILD", 3)
    sandbox = make()
    reading = sandbox.pages(FOUR)
    seen = set()
    for seed, decoded in enumerate(reading):
        assert np.array_equal(decoded.content.page.pixels, files.grey(seed))
        seen.add(process(sandbox).pid)
    assert len(seen) == 2


def test_closing_leaves_no_process_and_no_descriptor(make):
    def descriptors():
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    sandbox = make()
    gc.collect()
    before = descriptors()
    contents(sandbox, files.jpeg())
    child = process(sandbox)
    assert len(descriptors()) > len(before)
    sandbox.close()
    assert not child.is_running()
    assert descriptors() == before


def test_a_forgotten_sandbox_ends_its_process(make):
    sandbox = Sandbox(
        formats=["jpeg"], max_pixels=10**7, max_pages=9, pdf_dpi=99.0, limits=Limits(60, 2**31)
    )
    contents(sandbox, files.jpeg())
    child = process(sandbox)
    del sandbox
    gc.collect()
    assert not child.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels end it at its next request")
@pytest.mark.parametrize("way", ["idle", "loop"])
def test_the_process_dies_with_its_parent_even_in_an_endless_loop(tmp_path, way):
    """The parent is killed without a chance to clean up, its child at rest or in a loop."""
    note = tmp_path / "pid"
    script = f"""
        import sys, threading, time
        from ecgbatch.imaging.sandbox import Limits, Sandbox, parent
        from tests import factories_files as files
        from tests.faulty_decoders import PROGRAM
        parent._PROGRAM = PROGRAM.format(way="loop", pages=[2])
        box = Sandbox(formats=["tiff"], max_pixels=10**7, max_pages=9, pdf_dpi=99.0,
                      limits=Limits(600.0, 2**31))
        pages = box.pages(files.tiff([files.grey()] * 4))
        # The thread that started the child is gone: that alone must not end it.
        starter = threading.Thread(target=next, args=(pages,))
        starter.start()
        starter.join()
        time.sleep(0.2)
        box._child._process.poll() is None or sys.exit("too early")
        open({str(note)!r}, "w").write(str(box._child._process.pid))
        next(pages) if {way!r} == "loop" else time.sleep(600)
    """
    ours = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=Path.cwd())
    try:
        deadline = time.monotonic() + 60
        while not (note.exists() and note.read_text()):
            assert ours.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child = psutil.Process(int(note.read_text()))
        time.sleep(0.5)
        assert child.status() in {psutil.STATUS_RUNNING, psutil.STATUS_SLEEPING}
    finally:
        ours.send_signal(signal.SIGKILL)
        ours.wait()
    _, alive = psutil.wait_procs([child], timeout=20)
    assert not alive or child.status() == psutil.STATUS_ZOMBIE  # if nobody there reaps orphans


def confined(make, monkeypatch, way):
    monkeypatch.setattr(parent, "_PROGRAM", PROGRAM.format(way=way, pages=[3]))
    return contents(make(), FOUR)


@pytest.mark.skipif(sys.platform != "linux", reason="needs seccomp")
@pytest.mark.parametrize("way", ["connect", "execute"])
def test_the_process_can_neither_connect_nor_start_a_program(make, monkeypatch, way):
    """Both raise PermissionError, which no decoder expects: the process ends at that page."""
    pages = confined(make, monkeypatch, way)
    assert pages[2].reason is Reason.DECODER_CRASH
    assert dict(pages[2].facts) == {}  # it ended by itself: no other program took its place
    assert np.array_equal(pages[3].page.pixels, files.grey(3))


def test_what_a_decoder_says_is_heard_by_nobody(make, monkeypatch, capfd):
    assert isinstance(confined(make, monkeypatch, "say")[2], Content)
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_an_unforeseen_exception_is_a_crash_and_its_message_is_lost(make, monkeypatch):
    error = confined(make, monkeypatch, "raise")[2]
    assert error.reason is Reason.DECODER_CRASH
    assert "MUSTERMANN" not in repr(error)


def test_the_process_inherits_no_secrets(make, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("ECGBATCH_ID_KEY", "canary")
    sandbox = make()
    contents(sandbox, files.jpeg())
    assert "canary" not in process(sandbox).environ().values()


def test_the_process_does_not_get_our_ctrl_c(make):
    sandbox = make()
    contents(sandbox, files.jpeg())
    assert os.getpgid(process(sandbox).pid) != os.getpgid(0)


# ------------------------------------------------------------------- what crosses, and what cannot


def crossed(content):
    memory = SharedMemory()
    try:
        message, pieces = wire.content_to_wire(content)
        memory.write([piece.reshape(-1).view(np.uint8) for piece in pieces])
        return wire.content_from_wire(message, memory)
    finally:
        memory.close()


def lead(**changes):
    values = {
        "lead": "aVR", "role": "strip", "name_source": "read", "t0_ms": 2.5, "fs_hz": 250.0,
        "native_fs_hz": 240.0, "overlap": 0.0, "quality": 1.0,
        "signal_uv": np.array([1, np.nan, -3], np.float32),
    }  # fmt: skip
    return Lead(**values | changes)


def test_leads_and_pixels_cross_unchanged():
    page = Page(files.page(), dpi_x=200.0)
    scale = Scale(25.0, "printed")
    content = Content("vector", page, (lead(), lead(lead="V7")), "1x2+1R", scale, (Flag.POLYGLOT,))
    back = crossed(content)
    assert np.array_equal(back.page.pixels, files.page())
    assert (back.page.dpi_x, back.kind, back.layout) == (200.0, "vector", "1x2+1R")
    assert np.isnan(back.page.dpi_y)
    assert np.isnan(back.scale.gain_mm_per_mv)
    assert (back.scale.speed_mm_per_s, back.scale.speed_source) == (25.0, "printed")
    assert back.flags == (Flag.POLYGLOT,)
    assert [each.lead for each in back.leads] == ["aVR", "V7"]
    assert np.array_equal(back.leads[0].signal_uv, [1, np.nan, -3], equal_nan=True)
    assert back.leads[1].t0_ms == 2.5


@pytest.mark.parametrize(
    "content",
    [
        Content("MUSTERMANN"),
        Content("vector", None, (lead(),), "MUSTERMANN"),
        Content("vector", None, (lead(lead="MUSTERMANN"),)),
        Content("vector", None, (lead(role="MUSTERMANN"),)),
        Content("raster", scale=Scale(25.0, "MUSTERMANN")),
        Content("raster", flags=("MUSTERMANN",)),
    ],
)
def test_words_that_are_not_ours_do_not_cross(content):
    with pytest.raises(wire.ClosedError):
        crossed(content)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10, 10, 3]}, {"shape": [-1, 5]}, {"shape": [2**20, 2**20]}, {"shape": ["a"]},
        {"shape": [4, 5, 2]}, {"leads": [{}]}, {"dpi": []}, {"flags": 3},
    ],
)  # fmt: skip
def test_numbers_that_do_not_hold_together_do_not_cross(change):
    memory = SharedMemory()
    message, pieces = wire.content_to_wire(Content("raster", Page(np.zeros((4, 5), np.uint8))))
    memory.write([piece.reshape(-1) for piece in pieces])
    memory_too_small = change == {"shape": [10, 10, 3]}
    assert memory.size_bytes >= 20
    if memory_too_small:
        change = {"shape": [1024, 1024, 3]}
    with pytest.raises(wire.ClosedError):
        wire.content_from_wire(message | change, memory)
    memory.close()


def test_an_error_crosses_as_reason_and_numbers():
    error = wire.error_from_wire(wire.error_to_wire(PageError(Reason.TOO_LARGE, width_px=9)))
    assert (error.reason, error.facts) == (Reason.TOO_LARGE, {"width_px": 9.0})
    with pytest.raises(wire.ClosedError):
        wire.error_from_wire({"reason": "MUSTERMANN", "facts": {}})
    named = wire.error_from_wire({"reason": "empty", "facts": {"MUSTERMANN": 1, "n": 2}})
    assert named.facts == {"n": 2.0}
    with pytest.raises(wire.ClosedError):
        wire.error_from_wire({"reason": "empty", "facts": {"n": "MUSTERMANN"}})


@pytest.mark.skipif(sys.platform != "linux", reason="needs sealed memory")
def test_shared_memory_cannot_be_taken_from_under_its_reader():
    memory = SharedMemory()
    memory.write([np.arange(9, dtype=np.uint8)])
    with pytest.raises(PermissionError):
        os.ftruncate(memory.descriptor, 1)
    assert memory.copy(9).tolist() == list(range(9))
    memory.close()
