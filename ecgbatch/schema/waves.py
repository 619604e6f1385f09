"""What pages measure: intervals, axes and amplitudes, of a page and of each beat."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import PAGE_NO, RUN_ID, SCAN_ID, column, table

MEASUREMENTS = table(
    "measurements",
    "One row per page: what it measures over its usual beats, or over those of another kind where "
    "it has none; null where that cannot be measured.",
    [
        SCAN_ID,
        PAGE_NO,
        RUN_ID,
        column("beats", pa.int32(), "Ventricular complexes that were found on the page."),
        column("usual_beats", pa.int32(), "Those of the usual form and in time."),
        column("premature_beats", pa.int32(), "Those of the usual form and early."),
        column("ventricular_beats", pa.int32(), "Wide ones of another form."),
        column("paced_beats", pa.int32(), "Those that follow a pacing spike."),
        column("leads", pa.int32(), "Distinct leads that show a whole complex."),
        column("rr_count", pa.int32(), "RR intervals that the page shows without a break."),
        column("hr_bpm", pa.float32(), "Ventricular rate, from the mean RR interval.", null=True),
        column("rr_mean_ms", pa.float32(), "Mean RR interval.", null=True),
        column("rr_sd_ms", pa.float32(), "Their standard deviation; needs three.", null=True),
        column(
            "rmssd_ms",
            pa.float32(),
            "RMS of the differences of neighbouring RR intervals; needs three intervals.",
            null=True,
        ),
        column(
            "rr_irregularity",
            pa.float32(),
            "Median difference of neighbouring RR intervals over the median interval, those beside "
            "ventricular beats left out.",
            null=True,
        ),
        column(
            "p_share",
            pa.float32(),
            "Share of what stands before QRS that every beat repeats: near 1 with P waves, near 0 "
            "without.",
            null=True,
        ),
        column("p_beats", pa.int32(), "Beats with a P wave, on which `p_ms` and `pr_ms` rest."),
        column("p_ms", pa.float32(), "Duration of the P wave, median over leads.", null=True),
        column("pr_ms", pa.float32(), "Begin of P to begin of QRS.", null=True),
        column("qrs_ms", pa.float32(), "Duration of QRS, all leads together.", null=True),
        column("qt_ms", pa.float32(), "Begin of QRS to the end of T.", null=True),
        column("qt_beats", pa.int32(), "Beats on which `qt_ms` rests."),
        column("qtc_bazett_ms", pa.float32(), "`qt_ms` over the root of RR in s.", null=True),
        column(
            "qtc_fridericia_ms", pa.float32(), "`qt_ms` over the cube root of RR in s.", null=True
        ),
        column(
            "p_axis_deg",
            pa.float32(),
            "Direction of P in the frontal plane: 0 left, 90 down.",
            null=True,
        ),
        column("qrs_axis_deg", pa.float32(), "The same of QRS, by its area.", null=True),
        column("t_axis_deg", pa.float32(), "The same of the top of T.", null=True),
        column("axis_leads", pa.int32(), "Limb leads on which `qrs_axis_deg` rests."),
        column(
            "sokolow_lyon_uv",
            pa.float32(),
            "Depth of S in V1 plus the higher R of V5, V6.",
            null=True,
        ),
        column("cornell_uv", pa.float32(), "R in aVL plus depth of S in V3.", null=True),
        column(
            "p_terminal_v1_uv_ms",
            pa.float32(),
            "Depth times duration of the late negative part of P in V1.",
            null=True,
        ),
        column(
            "limb_span_uv", pa.float32(), "Largest QRS of the limb leads, peak to peak.", null=True
        ),
        column("chest_span_uv", pa.float32(), "Largest QRS of V1 to V6, peak to peak.", null=True),
    ],
)

BEATS = table(
    "beats",
    "One row per page, printed segment and beat that the segment shows whole. Times are on the "
    "page's axis, amplitudes above the level right before QRS.",
    [
        SCAN_ID,
        PAGE_NO,
        RUN_ID,
        column("lead", pa.string(), "Its name, as in `signals`."),
        column("segment", pa.int32(), "Its number, as in `signals`."),
        column("beat_no", pa.int32(), "Counts the beats of a page, from 0, in all leads alike."),
        column(
            "kind",
            pa.string(),
            "`usual`, `premature` (usual form, early), `ventricular` (another form, wide), `paced` "
            "or `other`.",
        ),
        column("rr_before_ms", pa.int32(), "From the beat before, if shown.", null=True),
        column("rr_after_ms", pa.int32(), "To the next beat, if shown.", null=True),
        column("p_on_ms", pa.int32(), "Begin of P; null without a P wave.", null=True),
        column("p_peak_ms", pa.int32(), "Top of P.", null=True),
        column("p_off_ms", pa.int32(), "End of P.", null=True),
        column("qrs_on_ms", pa.int32(), "Begin of QRS in this lead."),
        column("qrs_peak_ms", pa.int32(), "Largest deflection of QRS, up or down."),
        column("qrs_off_ms", pa.int32(), "End of QRS in this lead, the J point."),
        column("t_peak_ms", pa.int32(), "Top of T.", null=True),
        column("t_off_ms", pa.int32(), "End of T.", null=True),
        column("pr_ms", pa.int32(), "Begin of P to begin of QRS.", null=True),
        column("qrs_ms", pa.int32(), "Duration of QRS."),
        column("qt_ms", pa.int32(), "Begin of QRS to end of T.", null=True),
        column(
            "qrs_form",
            pa.string(),
            "Letters of its waves, such as `qRs` or `QS`; capitals from 500 uV on.",
            null=True,
        ),
        column("p_uv", pa.int32(), "Top of P over the level at its begin.", null=True),
        column("q_uv", pa.int32(), "Q, the negative wave before R.", null=True),
        column("r_uv", pa.int32(), "R, the first positive wave.", null=True),
        column("s_uv", pa.int32(), "S, after R; without an R the depth of the complex.", null=True),
        column("r2_uv", pa.int32(), "R', a positive wave after S.", null=True),
        column("j_uv", pa.int32(), "At the J point.", null=True),
        column("st60_uv", pa.int32(), "60 ms after the J point.", null=True),
        column("st80_uv", pa.int32(), "80 ms after the J point.", null=True),
        column("t_uv", pa.int32(), "Top of T.", null=True),
    ],
)
