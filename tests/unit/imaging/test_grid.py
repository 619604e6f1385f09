"""The printed grid, measured on pages whose every millimetre is known."""

import numpy as np
import pytest
import simplejpeg

from ecgbatch.imaging.grid import PaperGrid, find_grid
from ecgbatch.imaging.reduced import reduce_page
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from tests.factories_pages import BLACK, COLOURS, GREY, ORIGIN_MM, RED, Drawn, Sheet, View, draw

PITCH_TOLERANCE = 0.005  # of the pitch: what the project promises
NODE_TOLERANCE_MM = 0.3  # 7.5 ms at 25 mm/s; flat pages are held to a tenth of it
FLAT_TOLERANCE_MM = 0.05


def measured(page: Drawn, dpi: tuple[float, float] = (np.nan, np.nan)) -> PaperGrid:
    found = find_grid(reduce_page(page.pixels), dpi_x=dpi[0], dpi_y=dpi[1])
    assert found is not None
    return found


def node_errors_mm(page: Drawn, found: PaperGrid) -> np.ndarray:
    """Distance of each crossing from where it should be, after the best quarter turn."""
    nodes = page.nodes_mm()
    seen = found.lattice.to_mm(page.to_picture(nodes))
    errors = []
    for turns in range(4):
        turned = nodes @ np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), turns).T
        off = turned - seen
        errors.append(np.hypot(*(off - np.median(off, axis=0)).T))
    return min(errors, key=np.max)


def pitch_px(found: PaperGrid, page: Drawn) -> tuple[float, float]:
    middle = np.array([[page.pixels.shape[1] / 2, page.pixels.shape[0] / 2]])
    mm = found.lattice.to_mm(middle)
    steps = [found.lattice.to_px(mm + step) - found.lattice.to_px(mm - step) for step in np.eye(2)]
    return tuple(float(np.hypot(*step[0])) / 2 for step in steps)


@pytest.mark.parametrize("colour", COLOURS)
def test_both_pitches_are_right_on_every_grid_colour(colour):
    page = draw(Sheet(grid_rgb=COLOURS[colour]), View(px_per_mm=(4.5, 4.5)))
    found = measured(page)
    assert pitch_px(found, page) == pytest.approx((4.5, 4.5), rel=PITCH_TOLERANCE)
    assert node_errors_mm(page, found).max() < FLAT_TOLERANCE_MM


@pytest.mark.parametrize(
    "sheet",
    [
        Sheet(grid_rgb=BLACK, dotted=True),
        Sheet(thin=False),
        Sheet(bold=False),
        Sheet(grid_rgb=(255, 242, 240)),
    ],
    ids=["dots in black", "5-mm lines only", "1-mm lines only", "faint"],
)
def test_a_millimetre_is_a_millimetre_whatever_lines_there_are(sheet):
    page = draw(sheet, View(px_per_mm=(4.5, 4.5), noise=2))
    found = measured(page)
    assert pitch_px(found, page) == pytest.approx((4.5, 4.5), rel=PITCH_TOLERANCE)
    assert node_errors_mm(page, found).max() < FLAT_TOLERANCE_MM


@pytest.mark.parametrize("px_per_mm", [2.95, 3.94, 7.87, 11.81], ids=lambda pitch: f"{pitch} px")
def test_the_pitch_is_right_from_75_to_300_dpi(px_per_mm):
    page = draw(Sheet(), View(px_per_mm=(px_per_mm, px_per_mm)))
    found = measured(page)
    assert pitch_px(found, page) == pytest.approx((px_per_mm, px_per_mm), rel=PITCH_TOLERANCE)


def test_fax_pixels_that_are_not_square_give_two_pitches():
    page = draw(Sheet(grid_rgb=GREY), View(px_per_mm=(204 / 25.4, 98 / 25.4)))
    found = measured(page, dpi=(204.0, 98.0))
    assert pitch_px(found, page) == pytest.approx((204 / 25.4, 98 / 25.4), rel=PITCH_TOLERANCE)


@pytest.mark.parametrize("turn_deg", [-3, 1.5, 30, 87, 183, 272])
def test_a_turned_page_is_measured_as_well_as_a_straight_one(turn_deg):
    page = draw(Sheet(grid_rgb=RED), View(px_per_mm=(5.0, 5.0), turn_deg=turn_deg, jpeg=85))
    assert node_errors_mm(page, measured(page)).max() < FLAT_TOLERANCE_MM


@pytest.mark.parametrize("perspective", [0.05, 0.15])
def test_perspective_is_found_from_the_grid_and_not_from_the_paper(perspective):
    view = View(
        px_per_mm=(5.0, 5.0), turn_deg=4, perspective=perspective, margin_mm=8, noise=3, jpeg=80
    )
    page = draw(Sheet(), view)
    assert node_errors_mm(page, measured(page)).max() < FLAT_TOLERANCE_MM


def test_curved_paper_is_followed_within_a_third_of_a_millimetre():
    view = View(px_per_mm=(5.0, 5.0), curl_mm=1.0, shadow=0.3, noise=3, jpeg=80)
    page = draw(Sheet(), view)
    found = measured(page)
    errors = node_errors_mm(page, found)
    assert not found.lattice.is_flat
    assert np.percentile(errors, 95) < NODE_TOLERANCE_MM
    assert np.median(errors) < 0.1


@pytest.mark.parametrize("turn_deg", [0, 90])
def test_multiples_of_five_are_the_heavy_lines(turn_deg):
    page = draw(Sheet(), View(px_per_mm=(4.5, 4.5), turn_deg=turn_deg))
    found = measured(page)
    assert found.major_known
    at = found.lattice.to_mm(page.to_picture(np.array([ORIGIN_MM])))[0] / 5
    assert np.abs(at - np.round(at)).max() * 5 < FLAT_TOLERANCE_MM


def test_the_lines_take_green_and_blue_from_red_paper():
    found = measured(draw(Sheet(grid_rgb=RED), View(px_per_mm=(5.0, 5.0))))
    red, green, blue = found.colour_rgb
    assert red < 0.25 * green
    assert green == pytest.approx(blue, rel=0.1)


def test_traces_and_text_without_a_grid_are_no_grid():
    page = draw(Sheet(grid_rgb=None), View(px_per_mm=(4.5, 4.5), noise=2))
    assert find_grid(reduce_page(page.pixels), dpi_x=np.nan, dpi_y=np.nan) is None


def test_the_borders_of_jpeg_blocks_are_no_grid():
    page = draw(Sheet(grid_rgb=None), View(px_per_mm=(5.0, 5.0), noise=4, jpeg=40))
    assert find_grid(reduce_page(page.pixels), dpi_x=np.nan, dpi_y=np.nan) is None


def test_the_beat_of_lines_with_the_pixels_of_a_jpeg_is_no_bend():
    page = render(
        simulate(0, seconds=11.0).by_name(),
        fs_hz=500.0,
        layout=layout("3x4+1R"),
        style=style("pink_letter"),
        dpi=200.0,
        seed=0,
    )
    pixels = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(page.pixels, quality=90))
    found = find_grid(reduce_page(pixels), dpi_x=np.nan, dpi_y=np.nan)
    assert found is not None
    assert found.lattice.is_flat
    pitch = np.linalg.norm(found.lattice.flat_to_px[:2, :2], axis=0)
    assert pitch == pytest.approx([200 / 25.4] * 2, rel=5e-4)
