"""Starting, asking, timing and replacing the decoding process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self

from ecgbatch.errors import PageError, Reason, RunError
from ecgbatch.imaging.decode import EXTENSIONS, Content
from ecgbatch.imaging.sandbox.memory import SharedMemory
from ecgbatch.imaging.sandbox.wire import (
    ClosedError,
    content_from_wire,
    error_from_wire,
    receive,
    send,
)

_PAGES_PER_CHILD = 2_000  # what libraries leak is given back then; starting costs some 0.2 s
_DEATHS_PER_FILE = 8  # then the rest of a file is given up, after eight times the page's limit
_MOST_KEPT_BYTES = 128 * 2**20  # a child that saw a larger page is replaced, to give it back
_START_SECONDS = 60.0  # a cold disk on a machine under load


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of one page.

    Attributes:
        page_no: From 1; 0 where the file as a whole could not be opened.
        page_count: Pages in the file; 0 where it could not be opened.
        form: Format of the file; empty where it could not be opened.
        content: What the page holds, or what is wrong with it.
    """

    page_no: int
    page_count: int
    form: str
    content: Content | PageError


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may take.

    Attributes:
        page_seconds: Longest time for opening a file, and for each of its pages.
        memory_bytes: Address space of the process.
    """

    page_seconds: float
    memory_bytes: int


class Sandbox:
    """Opens files in a child process and hands their pages out one at a time.

    For one thread at a time. The child is started for the first file, replaced when it dies, and
    ends with this object or with this process, however that ends.

    Args:
        formats: Which formats may be opened.
        max_pixels: Largest page.
        max_pages: Most pages in one file.
        pdf_dpi: Resolution of PDF renderings.
        limits: Time and memory.
        assumed_speed_mm_per_s: Of drawn leads where the page does not say it.
        assumed_gain_mm_per_mv: The same.
    """

    def __init__(
        self,
        *,
        formats: Collection[str],
        max_pixels: int,
        max_pages: int,
        pdf_dpi: float,
        limits: Limits,
        assumed_speed_mm_per_s: float = 25.0,
        assumed_gain_mm_per_mv: float = 10.0,
    ) -> None:
        self._options = {
            "formats": sorted(formats),
            "max_pixels": max_pixels,
            "max_pages": max_pages,
            "pdf_dpi": pdf_dpi,
            "assumed_speed_mm_per_s": assumed_speed_mm_per_s,
            "assumed_gain_mm_per_mv": assumed_gain_mm_per_mv,
        }
        self._limits = limits
        self._child: _Child | None = None
        self._open: _Reading | None = None

    def pages(self, data: bytes) -> Iterator[Decoded]:
        """Yield what came of each page of a file, in order, decoding each when it is asked for.

        A file that cannot be opened gives one result with ``page_no`` 0.

        Args:
            data: The whole file.
        """
        reading = _Reading(self, data)
        try:
            reading.open()
        except PageError as error:
            yield Decoded(0, 0, "", error)
            return
        for page_no in range(1, reading.page_count + 1):
            content = reading.read(page_no)
            yield Decoded(page_no, reading.page_count, reading.form, content)

    def close(self) -> None:
        """End the child; the next file starts another."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def __enter__(self) -> Self:
        """Return this; the child ends with the block."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the child."""
        self.close()

    def child(self) -> _Child:
        """Return a child that is ready, the same one as long as it is well."""
        if self._child is not None and not self._child.usable:
            self.close()
        if self._child is None:
            self._child = _Child(self._limits.memory_bytes)
        return self._child

    def has_open(self, reading: _Reading) -> bool:
        """Whether a file is the one that the child has open, and the child is well."""
        return self._open is reading and self._child is not None and self._child.usable

    def open_in(self, child: _Child, reading: _Reading, data: bytes) -> tuple[int, str]:
        """Open a file in a child and return its number of pages and its format."""
        self._open = reading
        answer = child.ask(self._options, data, seconds=self._limits.page_seconds)
        count, form = answer.get("page_count"), answer.get("form")
        if not isinstance(count, int) or count < 1 or form not in EXTENSIONS.values():
            raise child.crashed()
        return count, str(form)

    def read_in(self, child: _Child, page_no: int) -> Content:
        """Read one page of the file that a child has open."""
        answer = child.ask({"page_no": page_no}, seconds=self._limits.page_seconds)
        try:
            return content_from_wire(answer, child.memory)
        except ClosedError:
            raise child.crashed() from None


class _Reading:
    """One file on its way through as many children as it takes."""

    def __init__(self, sandbox: Sandbox, data: bytes) -> None:
        self._sandbox = sandbox
        self._data = data
        self._child: _Child | None = None
        self._deaths = 0
        self._given_up: PageError | None = None
        self.page_count = 0
        self.form = ""

    def open(self) -> None:
        """Open the file, or open it again in another child."""
        self._child = self._sandbox.child()
        self.page_count, self.form = self._sandbox.open_in(self._child, self, self._data)

    def read(self, page_no: int) -> Content | PageError:
        """Read one page; what is wrong with it is an answer, too."""
        if self._given_up is not None:
            return self._given_up
        try:
            # Another file may have been opened meanwhile, or the child be due for replacement.
            if not self._sandbox.has_open(self):
                self.open()
            assert self._child is not None
            return self._sandbox.read_in(self._child, page_no)
        except PageError as error:
            if self._child is None or not self._child.alive:
                self._deaths += 1
            if self._deaths >= _DEATHS_PER_FILE:
                self._given_up = PageError(error.reason, deaths=self._deaths)
            return error


class _Child:
    """A decoding process, the socket to it and the memory between."""

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.memory = SharedMemory()
        inherited = (theirs.fileno(), self.memory.descriptor)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-I",
                    "-c",
                    _PROGRAM,
                    *map(str, (*inherited, memory_bytes)),
                    json.dumps([os.path.abspath(path) for path in sys.path]),  # noqa: PTH100 - keeps links, and "" is here,
                ],
                stdin=subprocess.PIPE,  # the lifeline: never written, closed when we end
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries quote what they read
                pass_fds=inherited,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for us; a page is not to blame for it
            )
        self._channel = ours
        self._asked = 0
        self._busy = False
        self.end = weakref.finalize(self, _end, self._process, ours, self.memory)
        try:
            receive(ours, seconds=_START_SECONDS)  # one word, when its libraries are loaded
        except (ClosedError, TimeoutError):
            self.end()
            raise RunError(
                "the decoding process did not start; is there memory and room for a process?"
            ) from None

    @property
    def alive(self) -> bool:
        """Whether it has not been ended."""
        return self.end.alive

    @property
    def usable(self) -> bool:
        """Whether another page may be asked of it."""
        return (
            self.alive
            and not self._busy
            and self._asked < _PAGES_PER_CHILD
            and self.memory.size_bytes <= _MOST_KEPT_BYTES
        )

    def ask(self, request: dict[str, Any], file: bytes = b"", *, seconds: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            PageError: What the child found, or what became of it: ``timeout``,
                ``decoder_crash``, ``memory_limit``. In the last three cases it is gone.
        """
        self._busy = True
        self._asked += 1
        try:
            self._channel.settimeout(seconds)
            send(self._channel, request, file)
            answer, _ = receive(self._channel, seconds=seconds)
            error = error_from_wire(answer) if "reason" in answer else None
        except TimeoutError:
            self.end()
            raise PageError(Reason.TIMEOUT, seconds=seconds) from None
        except ClosedError:
            raise self.crashed() from None
        self._busy = False
        if error is None:
            return answer
        if error.reason is Reason.MEMORY_LIMIT:
            self.end()  # what is left of its memory is in pieces
        raise error

    def crashed(self) -> PageError:
        """Bury the child and say what it died of."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        status = self._process.returncode
        self.end()
        if status == -signal.SIGKILL:  # not by us: the kernel was out of memory
            return PageError(Reason.MEMORY_LIMIT, signal=signal.SIGKILL)
        if status is not None and status < 0:
            return PageError(Reason.DECODER_CRASH, signal=-status)
        return PageError(Reason.DECODER_CRASH)


_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]); "
    "from ecgbatch.imaging.sandbox.child import main; main()"
)


def _environment() -> dict[str, str]:
    """Return what the child needs of the environment; credentials stay here."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        **kept,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_LOG_LEVEL": "SILENT",
    }


def _end(process: subprocess.Popen[bytes], channel: socket.socket, memory: SharedMemory) -> None:
    channel.close()
    process.kill()
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
    memory.close()
