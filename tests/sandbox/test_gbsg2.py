"""The real trial as a study: what the package ships is what is in the tables, and models of both are equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lifelines
import pandas as pd
import pytest
from lifelines.datasets import load_gbsg2

import insight_frames as ifr
from insight_frames import Connection, sandbox
from insight_frames.sandbox import SandboxError
from insight_frames.sandbox.study import gbsg2

S = gbsg2.SCHEMA
FORMULA = "horth + age + menostat + tsize + tgrade + pnodes + progrec + estrec"
# Everitt and Hothorn, A Handbook of Statistical Analyses Using R, survival analysis: coxph(Surv(time, cens) ~ ., GBSG2)
PUBLISHED = {"horth[T.yes]": -0.3463, "age": -0.0095, "menostat[T.Post]": 0.2584, "tsize": 0.0078, "pnodes": 0.0488,
             "progrec": -0.0022, "estrec": 0.0002}  # fmt: skip


@pytest.fixture(scope="module")
def trial() -> Iterator[Connection]:
    with sandbox.start(study="gbsg2") as box, Connection(box.url, username=box.username, password=box.password) as made:
        yield made


def joined(trial: Connection) -> pd.DataFrame:
    tumour = trial.read_table(S, "ig_base_tumour", choices="label", order_by="event_crf_id")
    survival = trial.read_table(S, "ig_surv_recurrence", columns=["participant_oid", "i_surv_time", "i_surv_cens"])
    frame = tumour.merge(survival, on="participant_oid", validate="one_to_one")
    return frame.rename(columns=lambda one: one.removeprefix("i_base_").removeprefix("i_surv_"))


def test_the_tables_hold_what_the_package_ships(trial: Connection) -> None:
    shipped = load_gbsg2().rename(columns=str.lower)
    frame = joined(trial)[list(shipped)]
    assert len(frame) == 686
    for name in shipped:
        assert frame[name].astype(object).tolist() == shipped[name].tolist(), name
    assert frame["tgrade"].cat.categories.tolist() == ["I", "II", "III"]
    assert frame["menostat"].cat.categories.tolist() == ["Pre", "Post"]


def test_hazard_ratios_equal_those_of_the_packages_frame_and_the_published(trial: Connection) -> None:
    plain = load_gbsg2().rename(columns=str.lower)
    plain["menostat"] = pd.Categorical(plain["menostat"], ["Pre", "Post"])
    ours, theirs = (lifelines.CoxPHFitter().fit(one, "time", "cens", formula=FORMULA) for one in (joined(trial), plain))
    pd.testing.assert_frame_equal(ours.summary, theirs.summary, rtol=1e-9)
    assert ours.params_[list(PUBLISHED)].round(4).to_dict() == PUBLISHED


@pytest.mark.long
def test_it_is_a_study_like_others(trial: Connection, tmp_path: Path) -> None:
    with pytest.warns(ifr.DataWarning, match="no enrolled is known"):  # the data hold no dates, and none are made up
        people = ifr.participants(trial, S)
    assert people.attrs["insight"]["counts"] == {"participants": 686, "removed": 0, "dde": 0, "test_site": 0}
    tumour = trial.read_table(S, "ig_base_tumour", choices="label", index_col=ifr.KEY)
    assert ifr.labels(tumour).loc["i_base_tsize", ["label", "unit"]].tolist() == ["Tumour size (mm)", "mm"]
    assert len(ifr.attach(tumour, trial, "participant", columns=["status"])) == 686
    cut = trial.snapshot(tmp_path / "cut")
    assert cut.verify()
    assert len(cut.read_table(S, "ig_base_tumour")) == 686


def test_both_files_are_read_alike(tmp_path: Path) -> None:
    known = list(gbsg2.patients(gbsg2.source()))
    head = [f"@attribute {one} numeric" for one in gbsg2.COLUMNS]
    quoted = [",".join(f"'{x}'" if not x.isdigit() else f"{x}.0" for x in one) for one in known]
    (tmp_path / "GBSG2.arff").write_text("\n".join(["% about", "@relation GBSG2", *head, "@data", *quoted, ""]))
    assert list(gbsg2.patients(tmp_path / "GBSG2.arff")) == known
    (tmp_path / "gbsg2.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SandboxError, match=r"is not as it is known\. Expected: the columns horTh, age"):
        list(gbsg2.patients(tmp_path / "gbsg2.csv"))


def test_without_the_packages_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gbsg2, "FILES", {"no_such_package_here": "datasets/gbsg2.csv", "pandas": "datasets/gbsg2.csv"})
    with pytest.raises(SandboxError, match=r"neither is installed here\. Try: pip install 'lifelines<0\.30\.1'"):
        gbsg2.source()


def test_what_cannot_be_meant() -> None:
    with pytest.raises(SandboxError, match="There is no study 'gbsg'; expected one of cardio3, gbsg2"):
        sandbox.start(study="gbsg")
    with pytest.raises(SandboxError, match="The study gbsg2 has one size"):
        sandbox.start("medium", study="gbsg2")
