"""The synthetic study has a truth: a mixed model on its default frame finds what the values were made with."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf

import insight_frames as ifr
from insight_frames import Connection
from insight_frames.sandbox.study import MODEL

S = "s_cardio3prod"


@pytest.mark.parametrize("era", ["0.47"])
def test_a_mixed_model_recovers_the_variance_components(connection: Connection) -> None:
    vitals = connection.read_table(S, "ig_vital_vitals", order_by="event_crf_id")
    people = ifr.participants(connection, S).set_index("oid")
    vitals = vitals[~vitals["participant_oid"].map(people["dde"])].dropna(subset="i_vital_sysbp")
    vitals["visit"] = vitals["event_ordinal"] - 1
    model = smf.mixedlm("i_vital_sysbp ~ visit", vitals, groups=vitals["participant_oid"]).fit()
    n, groups = len(vitals), vitals["participant_oid"].nunique()
    found = {
        "mean": (model.params["Intercept"], model.bse["Intercept"]),
        "slope": (model.params["visit"], model.bse["visit"]),
        "sd_residual": (np.sqrt(model.scale), np.sqrt(model.scale / 2 / (n - groups))),
    }
    sd = float(np.sqrt(model.cov_re.iloc[0, 0]))
    between = sd**2 + model.scale * groups / n  # of the participants' means, in a balanced design
    found["sd_participant"] = (sd, between * np.sqrt(2 / (groups - 1)) / (2 * sd))
    off = {name: (value - MODEL[name]) / error for name, (value, error) in found.items()}
    assert set(off) == set(MODEL)
    assert max(map(abs, off.values())) < 2, off
    assert all(error < abs(MODEL[name]) / 4 for name, (_, error) in found.items()), "the truth is no wide guess"
