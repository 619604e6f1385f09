"""What ECGs show, who says so, and how sure that is."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import PAGE_NO, RUN_ID, SCAN_ID, column, table

MEMBER = pa.struct(
    [
        pa.field("member", pa.string()),
        pa.field("probability", pa.float32()),
        pa.field("weight", pa.float32()),
    ]
)

LABELS = table(
    "labels",
    "One row per page and statement that the models can judge; no row where diagnosis is off. "
    "Not a diagnosis: statements are for finding ECGs, not for treating people.",
    [
        SCAN_ID,
        PAGE_NO,
        RUN_ID,
        column(
            "vocabulary",
            pa.string(),
            "`ptbxl5`, `ptbxl23`, `rhythm`, `cinc2024` or `triage4`; see `docs/diagnosis.md`.",
        ),
        column("code", pa.string(), "The statement's name in its vocabulary."),
        column("snomed_ct", pa.string(), "Its concept of SNOMED CT, where one fits.", null=True),
        column("scp_ecg", pa.string(), "SCP-ECG acronyms that it stands for.", null=True),
        column(
            "probability",
            pa.float32(),
            "That it holds, calibrated; null where `reason` tells why none was worked out, and for "
            "`refer`, which follows from the decisions of the other piles.",
            null=True,
        ),
        column(
            "probability_sd",
            pa.float32(),
            "Weighted standard deviation of the members' probabilities.",
            null=True,
        ),
        column("threshold", pa.float32(), "Probability from which `decision` is `yes`."),
        column("decision", pa.string(), "`yes`, `no`, or `abstain` for `reason`."),
        column(
            "reason",
            pa.string(),
            "Why it abstains: `nothing_shown`, `too_short`, `few_leads`, `no_beats`, "
            "`implausible`, `doubtful` where the probability is too near the threshold, or "
            "`only_simulated`.",
            null=True,
        ),
        column("model", pa.string(), "`name@version` of who says so."),
        column(
            "taught_by",
            pa.string(),
            "`records`, or `simulated` where only simulated hearts taught the statement: it then "
            "always abstains, and what `members` says ranks pages and is no probability.",
        ),
        column(
            "members",
            pa.list_(MEMBER),
            "What each member of the ensemble said and how much that counted; empty where none was "
            "asked.",
        ),
        column("leads", pa.int32(), "Standard leads of which the page shows at least a beat."),
        column("seconds", pa.float32(), "Time in which at least one of them is shown."),
        column(
            "rule_score",
            pa.float32(),
            "Score of the rule from measurements for the same statement, 1 at its limit; null "
            "where there is no such rule or it cannot tell.",
            null=True,
        ),
        column(
            "evidence",
            pa.map_(pa.string(), pa.float32()),
            "The facts which that rule rests on, with their names as in `measurements` or "
            "`LEAD.WAVE_uv`.",
            null=True,
        ),
    ],
)
