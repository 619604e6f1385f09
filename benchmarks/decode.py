"""What decoding costs, by format; what the process around it costs; what JPEG damage is noticed.

    python benchmarks/decode.py [--rounds N] [--damaged N]

The page is US letter at 300 dpi (8.4 Mpx), a pink grid and black traces with a scanner's noise,
which is what makes it dear: codes cannot be short. Times are CPU time of one core, the mean of
some rounds; of the sandbox, both processes together.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import psutil
import pypdfium2
import simplejpeg
import tifffile
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from ecgbatch.errors import PageError
from ecgbatch.imaging.decode import open_document
from ecgbatch.imaging.sandbox import Limits, Sandbox

OPTIONS: dict[str, Any] = {
    "formats": ("jpeg", "png", "tiff", "pdf", "dicom"),
    "max_pixels": 64_000_000,
    "max_pages": 100,
    "pdf_dpi": 300.0,
}
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def scanned_page() -> np.ndarray:
    """Return a letter page at 300 dpi as a colour scanner sees it."""
    rng = np.random.default_rng(0)
    page = np.full((2550, 3300, 3), (255, 246, 246), np.uint8)
    for step, width in ((11.811, 1), (59.055, 3)):
        for place in np.arange(0, 3300, step).round().astype(int):
            cv2.line(page, (place, 0), (place, 2549), (247, 170, 180), width)
            cv2.line(page, (0, place), (3299, place), (247, 170, 180), width)
    x = np.arange(120, 3180)
    for row in range(4):
        beat = ((x - 300) % 245 - 122) / 6.0
        y = 500 + 550 * row - 150 * np.exp(-(beat**2))
        line = np.stack([x, y.round()], axis=1).astype(np.int32)
        cv2.polylines(page, [line], isClosed=False, color=(25, 25, 30), thickness=4)
    noisy = page + rng.normal(0, 3, page.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def image_pdf(jpeg: bytes) -> bytes:
    """Return a PDF of one page that is a JPEG at 300 dpi."""
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(out, "PDF", resolution=300.0)
    return out.getvalue()


def drawn_pdf(fs_hz: int) -> bytes:
    """Return a vector PDF of a standard page, one point for each sample."""
    with rc_context({"path.simplify": False}):
        figure = Figure(figsize=(280 / 25.4, 200 / 25.4))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 280), ylim=(0, 200))
        axes.axis("off")
        for place in range(281):
            heavy = {"color": "#f2a0a0", "lw": 0.6 if place % 5 == 0 else 0.2}
            axes.plot([place, place], [0, 200], **heavy)
            axes.plot([0, 280], [min(place, 200)] * 2, **heavy)
        rng = np.random.default_rng(0)
        for index, lead in enumerate((*LEADS, "II")):
            column, row = (0, 3) if index == 12 else divmod(index, 3)
            seconds = 10.0 if index == 12 else 2.5
            x = 15 + 62.5 * column + np.arange(round(seconds * fs_hz)) / fs_hz * 25
            y = 160 - 35 * row + 3 * np.sin(x) + 0.1 * rng.standard_normal(x.size)
            axes.plot(x, y, color="k", lw=0.5)
            axes.text(x[0] + 1, 168 - 35 * row, lead, fontsize=9)
        axes.text(15, 4, "25 mm/s 10 mm/mV", fontsize=8)
        out = io.BytesIO()
        figure.savefig(out, format="pdf")
    return out.getvalue()


def files(page: np.ndarray) -> dict[str, bytes]:
    """Return the page in every format that is read."""
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    bilevel = cv2.GaussianBlur(grey, (0, 0), 2) > 180
    jpeg = simplejpeg.encode_jpeg(page, 85, colorsubsampling="420")
    fax = io.BytesIO()
    Image.fromarray(bilevel).save(fax, "TIFF", compression="group4")

    def tiff(**options: Any) -> bytes:
        out = io.BytesIO()
        tifffile.imwrite(out, page, photometric="rgb", rowsperstrip=64, **options)
        return out.getvalue()

    def png(pixels: np.ndarray) -> bytes:
        return cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes()

    return {
        "jpeg colour": jpeg,
        "jpeg grey": simplejpeg.encode_jpeg(grey[:, :, None], 85, "GRAY", "Gray"),
        "png colour": png(page),
        "png grey": png(grey),
        "tiff fax": fax.getvalue(),
        "tiff lzw": tiff(compression="lzw", predictor=True),
        "tiff deflate": tiff(compression="zlib", predictor=True),
        "tiff jpeg": tiff(compression="jpeg"),
        "pdf image": image_pdf(jpeg),
        "pdf vector 250 Hz": drawn_pdf(250),
        "pdf vector 500 Hz": drawn_pdf(500),
    }


def best_ms(work: Callable[[], object], clock: Callable[[], float], rounds: int) -> float:
    """Return the shortest of some rounds."""
    times = []
    for _ in range(rounds):
        start = clock()
        work()
        times.append(clock() - start)
    return 1000 * min(times)


def read_first(data: bytes) -> object:
    """Decode the first page in this process."""
    return open_document(data, **OPTIONS)[0].read(1)


def rendered(data: bytes) -> object:
    """Render a PDF page as if its lines could not be read."""
    document = pypdfium2.PdfDocument(data)
    page = document[0]
    bitmap = page.render(scale=OPTIONS["pdf_dpi"] / 72, rev_byteorder=True)
    return np.array(bitmap.to_numpy())


def jpegs(page: np.ndarray) -> dict[str, bytes]:
    """Return a page as the kinds of JPEG that scanners write."""

    def made(mode: str = "RGB", **options: Any) -> bytes:
        out = io.BytesIO()
        Image.fromarray(page).convert(mode).save(out, "JPEG", **options)
        return out.getvalue()

    return {
        "4:2:0, quality 55": made(quality=55, subsampling=2),
        "4:2:0, quality 85": made(quality=85, subsampling=2),
        "4:2:0, quality 95": made(quality=95, subsampling=2),
        "4:2:0, 80, own codes": made(quality=80, subsampling=2, optimize=True),
        "4:4:4, quality 90": made(quality=90, subsampling=0),
        "grey, quality 75": made("L", quality=75),
        "progressive, 80": made(quality=80, subsampling=2, progressive=True),
        "restarts, 80": made(quality=80, subsampling=2, restart_marker_rows=1),
    }


def unnoticed(data: bytes, tries: int) -> tuple[float, float]:
    """Return which share of JPEGs with 40 wrong bytes in the middle is accepted, and looks wrong.

    Wrong are those in which more than four blocks of 8 x 8 pixels differ by more than 8 levels.
    """
    rng = np.random.default_rng(0)
    right = open_document(data, **OPTIONS)[0].read(1).page.pixels.astype(np.int16)
    accepted = wrong = 0
    for _ in range(tries):
        at = int(len(data) * rng.uniform(0.2, 0.8))
        broken = data[:at] + rng.bytes(40) + data[at + 40 :]
        try:
            pixels = open_document(broken, **OPTIONS)[0].read(1).page.pixels
        except PageError:
            continue
        accepted += 1
        off = np.abs(pixels - right) > 8
        off = off.reshape(len(off), right.shape[1], -1).any(axis=2)
        blocks = off[: len(off) // 8 * 8].reshape(-1, 8, off.shape[1] // 8, 8).any(axis=(1, 3))
        wrong += int(blocks.sum()) > 4
    return accepted / tries, wrong / tries


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--damaged", type=int, default=200, help="damaged files of each kind")
    asked = parser.parse_args()
    rounds = asked.rounds
    cv2.setNumThreads(1)
    made = files(scanned_page())
    sandbox = Sandbox(**OPTIONS, limits=Limits(page_seconds=60, memory_bytes=3 * 2**30))
    list(sandbox.pages(made["jpeg colour"]))
    (child,) = psutil.Process().children()

    def both_clocks() -> float:
        spent = [psutil.Process().cpu_times(), child.cpu_times()]
        return sum(times.user + times.system for times in spent)

    def mean_ms(work: Callable[[], object]) -> float:
        work()  # libraries load at the first page
        start = both_clocks()  # ticks every 10 ms, so that only a sum of rounds tells
        for _ in range(rounds):
            work()
        return 1000 * (both_clocks() - start) / rounds

    print(f"{'format':<20}{'MB':>8}{'ms here':>10}{'ms sandbox':>12}")
    for name, data in made.items():
        here = mean_ms(partial(read_first, data))
        there = mean_ms(lambda d=data: list(sandbox.pages(d)))  # type: ignore[misc]  # binds the loop's value
        print(f"{name:<20}{len(data) / 1e6:>8.2f}{here:>10.1f}{there:>12.1f}")
    sandbox.close()
    for rate in (250, 500):
        data = made[f"pdf vector {rate} Hz"]
        lines = best_ms(partial(read_first, data), time.process_time, rounds)
        pixels = best_ms(partial(rendered, data), time.process_time, rounds)
        print(f"\nvector page, {rate} Hz: lines {lines:.0f} ms, rendering {pixels:.0f} ms", end="")
        print(f", ratio {lines / pixels:.2f}", end="")
    print(f"\n\n{'JPEG with 40 wrong bytes':<26}{'accepted':>9}{'looks wrong':>13}")
    for name, data in jpegs(np.ascontiguousarray(scanned_page()[:800, :1200])).items():
        accepted, wrong = unnoticed(data, asked.damaged)
        print(f"{name:<26}{accepted:>9.0%}{wrong:>13.0%}")


if __name__ == "__main__":
    main()
