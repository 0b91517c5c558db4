"""One way to each model library with one column, and what becomes of the column on that way.

Every library gets the default frame first as it is, then after ``dropna()``, then with 0/1 columns for levels; the
first way that runs is the outcome, if it gives the numbers of a frame made by hand. Other numbers are an outcome too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import formulaic
import lifelines
import numpy as np
import pandas as pd
import patsy
import statsmodels.api as sm
import statsmodels.formula.api as smf
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tableone import TableOne

Fit = Callable[[pd.DataFrame], Any]  # over the columns y, days, event, x; gives numbers, or a table as texts
Y = ["y", "days", "event"]


def numbers(found: Any) -> np.ndarray:
    return np.asarray(found, dtype=float).ravel()


def dummies(frame: pd.DataFrame) -> pd.DataFrame:
    """Write levels as 0/1 columns, as a user does for arrays."""
    return pd.get_dummies(frame, drop_first=True, dtype=float).astype(float)


def statsmodels_formula(frame: pd.DataFrame) -> np.ndarray:
    return numbers(smf.ols("y ~ x", frame).fit().params)


def statsmodels_arrays(frame: pd.DataFrame) -> np.ndarray:
    if frame.isna().any(axis=None):  # statsmodels makes the coefficients NaN and says nothing
        raise ValueError("missing values")
    return numbers(sm.OLS(frame["y"], sm.add_constant(frame[["x"]])).fit().params)


def statsmodels_dummies(frame: pd.DataFrame) -> np.ndarray:
    return numbers(sm.OLS(frame["y"], sm.add_constant(dummies(frame[["x"]]))).fit().params)


def patsy_matrix(frame: pd.DataFrame) -> np.ndarray:
    return numbers(patsy.dmatrix("x", frame))


def formulaic_matrix(frame: pd.DataFrame) -> np.ndarray:
    return numbers(formulaic.model_matrix("x", frame))


def _cox() -> Any:
    return lifelines.CoxPHFitter(penalizer=0.1)  # small tables separate; a penalty always has an answer


def lifelines_columns(frame: pd.DataFrame) -> np.ndarray:
    return numbers(_cox().fit(frame[["days", "event", "x"]], "days", "event").params_)


def lifelines_dummies(frame: pd.DataFrame) -> np.ndarray:
    return numbers(_cox().fit(dummies(frame[["days", "event", "x"]]), "days", "event").params_)


def lifelines_formula(frame: pd.DataFrame) -> np.ndarray:
    return numbers(_cox().fit(frame[["days", "event", "x"]], "days", "event", formula="x").params_)


def sklearn_columns(frame: pd.DataFrame) -> np.ndarray:
    fitted = LinearRegression().fit(frame[["x"]], frame["y"])
    return np.append(fitted.coef_, fitted.intercept_)


def sklearn_encoder(frame: pd.DataFrame) -> np.ndarray:
    encode = make_column_transformer((OneHotEncoder(drop="first", sparse_output=False), ["x"]))
    fitted = make_pipeline(encode, LinearRegression()).fit(frame[["x"]], frame["y"])[-1]
    return np.append(fitted.coef_, fitted.intercept_)


def table_one(frame: pd.DataFrame) -> list[list[str]]:
    levels = not pd.api.types.is_numeric_dtype(frame["x"]) or pd.api.types.is_bool_dtype(frame["x"])
    made = TableOne(frame[["x"]], columns=["x"], categorical=["x"] if levels else []).tableone
    return [[str(one) for one in row] for row in [*made.index, *made.to_numpy().tolist()]]


# library: (as it is, with 0/1 columns or None)
LIBRARIES: Mapping[str, tuple[Fit, Fit | None]] = {
    "statsmodels formula": (statsmodels_formula, None),
    "statsmodels arrays": (statsmodels_arrays, statsmodels_dummies),
    "patsy": (patsy_matrix, None),
    "formulaic": (formulaic_matrix, None),
    "lifelines formula": (lifelines_formula, None),
    "lifelines columns": (lifelines_columns, lifelines_dummies),
    "scikit-learn": (sklearn_columns, sklearn_encoder),
    "tableone": (table_one, None),
}


def outcome(library: str, read: pd.DataFrame, hand: pd.DataFrame | None) -> str:
    """Say what becomes of the column x: yes, dropna, 0/1, no, or levels.

    Without a frame made by hand, for what is no number and no level, all that runs took the values for levels.
    """
    straight, coded = LIBRARIES[library]
    ways: list[tuple[str, Fit, bool]] = [("yes", straight, False)]
    if read.isna().any(axis=None):
        ways.append(("dropna", straight, True))
    if coded is not None:
        ways.append(("0/1", coded, True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, fit, dropped in ways:
            try:
                got = fit(read.dropna() if dropped else read)
            except Exception:  # any refusal will do: the libraries have no common error
                continue
            if hand is None:
                return "levels"
            return name if _equal(got, fit(hand.dropna() if dropped else hand)) else "wrong"
    return "no"


def _equal(got: Any, wanted: Any) -> bool:
    if isinstance(got, list):
        return bool(got == wanted)
    return got.shape == wanted.shape and bool(np.allclose(got, wanted, rtol=1e-6, atol=1e-9))


def by_hand(values: list[Any]) -> pd.Series[Any]:
    """Make a column of floats, or of levels in the order of their text, from what psycopg gives."""
    known = [one for one in values if one is not None]
    if all(isinstance(one, str) for one in known) or all(isinstance(one, bool) for one in known):
        return pd.Series(pd.Categorical(values, categories=sorted(set(known))))
    return pd.Series([np.nan if one is None else float(one) for one in values], dtype="float64")
