"""The default frame goes straight into the libraries that statisticians model with; nothing is converted first."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from random import Random

import formulaic
import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from typereader import Connection, read_packed

from insight_frames.sinks.frame import to_frame

ROWS = 240


@pytest.fixture(scope="module")
def study(connection: Connection) -> pd.DataFrame:
    """A clinical table with one missing value in every column that may have one, as read by default."""
    connection.execute(
        """create temp table model_study (n int not null, participant text not null, arm text, site varchar(3) not null,
           severity colour, age int4, weight numeric(5,1), dose float4, response float8, relapsed bool not null,
           withdrew bool, days int8 not null, event int2 not null, enrolled date, seen timestamptz, waited interval)"""
    )
    draw = Random(7)
    for n in range(ROWS):
        arm, age = draw.choice(["placebo", "active"]), draw.randrange(18, 90)
        row = [n, f"001-{n:05}", arm, draw.choice(["001", "002", "003"]), draw.choice(["red", "green", "blue"]), age,
               draw.gauss(80, 12), draw.choice([0.5, 1.5]), age * 0.5 + (arm == "active") * 3 + draw.gauss(0, 4),
               draw.random() < 0.4, draw.random() < 0.2, draw.randrange(1, 900), draw.randrange(2),
               f"2020-01-{1 + n % 28}", f"2020-02-{1 + n % 28} 10:00+02", f"{1 + n % 50} days"]  # fmt: skip
        if n == 17:
            row[2] = row[4] = row[5] = row[6] = row[7] = row[8] = row[10] = row[13] = row[14] = row[15] = None
        connection.execute(f"insert into model_study values ({','.join(['%s'] * len(row))})".encode(), row)
    arrow = read_packed(connection, "model_study", order="order by t.n")
    return to_frame(arrow.schema, arrow.to_batches())


@pytest.fixture(autouse=True)
def libraries_warn_as_they_like() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_what_the_frame_is(study: pd.DataFrame) -> None:
    kinds = study.dtypes.astype(str).to_dict()
    text = "str" if int(pd.__version__.split(".")[0]) >= 3 else "object"
    assert kinds == {
        "n": "int64", "participant": text, "arm": text, "site": text, "severity": "category", "age": "float64",
        "weight": "float64", "dose": "float64", "response": "float64", "relapsed": "bool", "withdrew": "object",
        "days": "int64", "event": "int64", "enrolled": "datetime64[us]", "seen": "datetime64[us, UTC]",
        "waited": "timedelta64[us]",
    }  # fmt: skip


def test_statsmodels_formulas(study: pd.DataFrame) -> None:
    ols = smf.ols("response ~ age + C(arm) + severity + weight", study).fit()
    assert ols.nobs == ROWS - 1
    assert 0.4 < ols.params["age"] < 0.6
    assert list(ols.params.index)[:2] == ["Intercept", "C(arm)[T.placebo]"]
    logit = smf.logit("event ~ age + relapsed + C(site)", study).fit(disp=0)
    assert logit.nobs == ROWS - 1
    mixed = smf.mixedlm("response ~ age + arm", study.dropna(), groups=study.dropna()["site"]).fit()
    assert mixed.nobs == ROWS - 1
    gee = smf.gee("response ~ age + arm", "site", study.dropna()).fit()
    assert np.isfinite(gee.params).all()


def test_bool_with_nulls_in_a_formula(study: pd.DataFrame) -> None:
    assert smf.ols("response ~ C(withdrew) + age", study).fit().nobs == ROWS - 1


def test_lifelines(study: pd.DataFrame) -> None:
    kaplan = lifelines.KaplanMeierFitter().fit(study["days"], study["event"])
    assert kaplan.event_table["observed"].sum() == study["event"].sum()
    columns = study[["days", "event", "age", "arm", "weight", "relapsed"]].dropna()
    cox = lifelines.CoxPHFitter().fit(columns, "days", "event", formula="age + arm + weight + relapsed")
    assert len(cox.params_) == 4
    plain = study[["days", "event", "age", "weight", "relapsed"]].dropna()
    assert len(lifelines.CoxPHFitter().fit(plain, "days", "event").params_) == 3


def test_scikit_learn(study: pd.DataFrame) -> None:
    whole = study.dropna()
    numbers = whole[["age", "weight", "dose", "relapsed", "days"]]
    assert LinearRegression().fit(numbers, whole["response"]).score(numbers, whole["response"]) > 0.5
    encode = make_column_transformer(
        (OneHotEncoder(), ["arm", "site", "severity", "withdrew"]), remainder="passthrough"
    )
    columns = whole[["arm", "site", "severity", "withdrew", "age", "weight"]]
    model = make_pipeline(encode, LogisticRegression(max_iter=5000)).fit(columns, whole["event"])
    assert model.predict(columns).shape == (ROWS - 1,)


def test_formulaic(study: pd.DataFrame) -> None:
    matrix = formulaic.model_matrix("response ~ age + arm + severity", study)
    names = list(matrix.rhs.columns)
    # text and categories are levels, numbers are one column each; all labels of the enum have their column
    assert names[:3] == ["Intercept", "age", "arm[T.placebo]"]
    assert names[3:5] == ["severity[T.green]", "severity[T.blue]"]
    assert len(matrix.rhs) == ROWS - 1
