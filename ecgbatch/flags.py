"""What a reader should know of a published page: the closed list behind ``pages.flags``."""

from __future__ import annotations

from enum import StrEnum


class Flag(StrEnum):
    """One code of the column ``flags``. An interface: codes are added, never renamed."""

    # the file
    EXTENSION_MISMATCH = "extension_mismatch"  # the bytes are of another format than the name says
    TRAILING_BYTES = "trailing_bytes"  # something follows the end of the image
    POLYGLOT = "polyglot"  # the same bytes are also valid as another format
    DPI_UNTRUSTED = "dpi_untrusted"  # the resolution tags hold a number nobody measured
    PAGE_BOX_INVALID = "page_box_invalid"  # a PDF page without a usable size
    PAGE_SCALED = "page_scaled"  # the drawn grid is not in millimetres of the PDF page
    NO_DRAWN_GRID = "no_drawn_grid"  # lines were read by the size of the PDF page alone
    LINES_NOT_READ = "lines_not_read"  # drawn lines were found and the page was rendered instead
    CHANNEL_LEFT_OUT = "channel_left_out"  # a waveform channel that is none of the known leads
    DERIVED_LEFT_OUT = "derived_left_out"  # a computed waveform, such as an averaged beat
    # the paper
    GRID_ABSENT = "grid_absent"  # no printed grid was found
    SCALE_ASSUMED = "scale_assumed"  # neither grid nor file tell the millimetre
    SCALE_DOUBTFUL = (
        "scale_doubtful"  # grid, tags and pulses disagree, or no pulse confirms the tags
    )
    ORIENTATION_DOUBTFUL = "orientation_doubtful"  # which side is up was a close decision
    MIRRORED = "mirrored"  # left and right contradict up and down, as through the back of a page
    FEW_BEATS = "few_beats"  # too few beat in rows to tell an ECG; the locator sees one
    CURVED = "curved"  # the paper was not flat; its grid was followed
    # the networks
    NETWORK_NOT_FINITE = "network_not_finite"  # one gave no numbers; ink alone was read there
    # the layout
    NAMES_GUESSED = "names_guessed"  # leads are named by the usual order of such layouts
    NAMES_CONFIRMED = "names_confirmed"  # guessed, and the leads fit these names and no others
    LAYOUT_GUESSED = "layout_guessed"  # rows and columns do not all show what they are
    SEVERAL_ECGS = "several_ecgs"  # leads are named more often than one printout has them
    RHYTHM_UNMATCHED = "rhythm_unmatched"  # a long row repeats none of the strips above it
    REVIEWED = "reviewed"  # a person has seen the page; layout, scale and names are as they said
    # speed and gain
    SPEED_ASSUMED = "speed_assumed"  # nothing on the page told the paper speed
    SPEED_AMBIGUOUS = "speed_ambiguous"  # pulses or beats fit a speed a factor of two apart, too
    SPEED_CONFLICT = "speed_conflict"  # the pulses contradict the printed speed
    GAIN_ASSUMED = "gain_assumed"  # nothing on the page told the gain
    GAIN_SPLIT = "gain_split"  # pulses have two heights, and one gain was taken
    GAIN_UNUSUAL = "gain_unusual"  # the pulses are of a height that no cart is known to print
    GAIN_CONFLICT = "gain_conflict"  # the pulses contradict the printed gain
    GAIN_AMBIGUOUS = "gain_ambiguous"  # assumed, and beats fit a gain a factor of two apart, too
    CALIBRATION_ASSUMED = "calibration_assumed"  # neither speed nor gain was found
    CALIBRATION_CONFIRMED = "calibration_confirmed"  # not told, and beats fit no other scale
    # the signals
    LOW_COVERAGE = "low_coverage"  # a lead lacks more than a tenth of its samples
    TRACE_GAP = "trace_gap"  # a lead is interrupted for long enough to hide a peak
    TRACE_DOUBTFUL = "trace_doubtful"  # a second is as likely wrong as right; see its confidence
    MUCH_DOUBTFUL = "much_doubtful"  # more of a lead or of the page is, or is interrupted, than may
    NOISY = "noisy"  # tremor, or jumps that no heart makes
    OVERLAP = "overlap"  # traces touch in more than a twentieth of a lead
    CLIPPED = "clipped"  # samples beyond the range of the table; they are null
    REPAIRED = "repaired"  # gaps of limb leads were computed from others, apart from the samples
    FLAT_LINE = "flat_line"  # a lead without deflections; it may be true
    EINTHOVEN_VIOLATION = "einthoven_violation"  # II is not I + III
    GOLDBERGER_VIOLATION = "goldberger_violation"  # the augmented leads contradict the others
    REPEAT_VIOLATION = "repeat_violation"  # two printings of one lead differ
