"""Candles come in any usual form; what is wrong with them is said in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Trained

from gnn_trainer import CandlesError
from gnn_trainer.features import LOOKBACK

Change = Callable[[pd.DataFrame], object]

FORMS: dict[str, Change] = {
    "long": lambda c: c,
    "shuffled": lambda c: c.sample(frac=1, random_state=1),
    "repeated rows": lambda c: pd.concat([c, c, c]),
    "dict of frames": lambda c: {s: g.drop(columns="symbol") for s, g in c.groupby("symbol")},
    "dict of dicts of lists": lambda c: {s: g.drop(columns="symbol").to_dict("list") for s, g in c.groupby("symbol")},
    "dict of columns": lambda c: c.to_dict("list"),
    "index of open_time": lambda c: c.set_index("open_time"),
    "index of both": lambda c: c.set_index(["open_time", "symbol"]),
    "datetimes with a zone": lambda c: c.assign(open_time=pd.to_datetime(c.open_time, unit="ms", utc=True).dt.tz_convert("Asia/Tokyo")),
    "datetimes without one": lambda c: c.assign(open_time=pd.to_datetime(c.open_time, unit="ms")),
    "python datetimes": lambda c: c.assign(open_time=[t.to_pydatetime() for t in pd.to_datetime(c.open_time, unit="ms", utc=True)]).astype({"open_time": object}),
    "microseconds": lambda c: c.assign(open_time=c.open_time * 1000),
    "times as floats": lambda c: c.astype({"open_time": float}),
    "times as text": lambda c: c.astype({"open_time": str}),
    "numbers as text": lambda c: c.assign(**{n: c[n].map(repr) for n in ("open", "high", "low", "close", "volume")}),
    "nullable types": lambda c: c.convert_dtypes(),
    "categories": lambda c: c.astype({"symbol": "category"}),
    "other names": lambda c: c.rename(columns={"open_time": "timestamp", "close": " Close ", "taker_buy_volume": "taker_buy_base"}),
    "other symbols too": lambda c: pd.concat([c, c[c.symbol == "ETHUSDT"].assign(symbol="ELSEUSDT", close=-1.0)]),
    "missing bars as empty rows": lambda c: c.set_index(["open_time", "symbol"]).unstack().stack(future_stack=True).reset_index(),
    "only what is needed": lambda c: c.drop(columns="quote_volume"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_candles_gives_the_same_predictions(simulated: Trained, form: str) -> None:
    times = np.unique(simulated.candles.open_time)
    candles = simulated.candles[simulated.candles.open_time >= times[-130]].reset_index(drop=True)
    before = candles.copy()
    got = simulated.result.predict(FORMS[form](candles))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(got, simulated.result.predict(simulated.candles), rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(candles, before)


def at(row: int, **values: object) -> Change:
    """Changes one candle of ETHUSDT."""

    def change(c: pd.DataFrame) -> pd.DataFrame:
        index = c.index[c.symbol == "ETHUSDT"][row]
        for name, value in values.items():
            c[name] = c[name].astype(object)
            c.loc[index, name] = value
        return c

    return change


def twice(c: pd.DataFrame) -> pd.DataFrame:
    again = c[c.symbol == "ETHUSDT"].iloc[[7]]
    both: pd.DataFrame = pd.concat([c, again.assign(volume=again.volume + 1)])
    return both


REFUSED: dict[str, tuple[Change, str]] = {
    "no close": (lambda c: c.drop(columns="close"), "the candles have no column close, which the model needs: add it"),
    "no symbol": (lambda c: c.drop(columns="symbol"), "no column symbol"),
    "no time": (lambda c: c.drop(columns="open_time"), "no column open_time (or timestamp) (or ts)"),
    "no column of a feature": (lambda c: c.drop(columns="funding_rate"), "no column funding_rate"),
    "no column of a feature in one": (lambda c: {s: g.drop(columns="best_bid") if s == "ETHUSDT" else g for s, g in c.groupby("symbol")}, "candles of ETHUSDT have no column best_bid"),
    "two columns": (lambda c: c.assign(Close=c.close), "two columns close"),
    "two aliases": (lambda c: c.rename(columns={"open_time": "ts"}).assign(timestamp=c.open_time), "timestamp and ts, which are both open_time"),
    "a symbol missing": (lambda c: c[c.symbol != "ETHUSDT"], "no candles of ETHUSDT, which the model knows"),
    "every symbol missing": (lambda c: c.assign(symbol="X"), "no candles of any of the model's symbols"),
    "nothing": (lambda c: {}, "no candles of any"),
    "no frame": (lambda c: 7, "candles are int"),
    "text": (at(3, close="dear"), "close holds what is no number"),
    "a price of 0": (at(3, low=0.0), "low of ETHUSDT at "),
    "no number": (at(3, volume=np.inf), "volume of ETHUSDT at "),
    "half a candle": (at(3, open=np.nan), "open of ETHUSDT at "),
    "high below low": (at(3, high=1e-9), "high of ETHUSDT at "),
    "close above high": (at(3, close=1e9), "above high"),
    "buys above volume": (at(3, taker_buy_volume=1e12), "above volume"),
    "ask below bid": (at(3, best_ask=1e-9), "below best_bid"),
    "two candles of one time": (twice, "ETHUSDT has open_time "),
    "seconds": (lambda c: c.assign(open_time=c.open_time // 1000), "no Unix time between 2001 and 2286"),
    "no time at all": (at(3, open_time=None), "what is no time"),
    "half a millisecond": (lambda c: c.assign(open_time=c.open_time * 1000 + 500), "no Unix time between"),
    "off the grid": (at(3, open_time=1704067200001), "no whole multiple of 5m"),
    "another interval": (lambda c: c[c.open_time % 3_600_000 == 0], "60 minutes apart, and the model was trained on 5m"),
    "a year typed wrong": (at(3, open_time=4102444800000), "nearly all of them empty"),
    "too few bars": (lambda c: c[c.open_time >= np.unique(c.open_time)[-100]], "99 bars before it, and the model needs 100"),
    "too large for float32": (at(-1, best_ask=1e300), "which no float32 holds"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_candles_that_cannot_be_are_refused(simulated: Trained, case: str) -> None:
    damage, words = REFUSED[case]
    with pytest.raises(CandlesError) as e:
        simulated.result.predict(damage(simulated.candles.copy()))  # type: ignore[arg-type]
    message = str(e.value)
    assert words in message
    assert "\n" not in message
    assert ": " in message


def test_a_bar_that_is_not_there_is_refused(simulated: Trained) -> None:
    newest = int(simulated.candles.open_time.max())
    for bar in (newest + 300_000, newest - 1, 0, int(simulated.candles.open_time.min())):
        with pytest.raises(CandlesError, match="give"):
            simulated.result.predict(simulated.candles, bar)


MOMENTS: dict[str, Callable[[pd.Timestamp], Any]] = {
    "Unix ms": lambda t: t.value // 10**6,
    "numpy's Unix ms": lambda t: np.int64(t.value // 10**6),
    "Unix microseconds": lambda t: t.value // 10**3,
    "a float": lambda t: t.value / 10**6,
    "a timestamp": lambda t: t,
    "a timestamp with a zone": lambda t: t.tz_localize("UTC").tz_convert("Asia/Tokyo"),
    "a datetime": lambda t: t.to_pydatetime(),
    "numpy's datetime": lambda t: t.to_datetime64(),
    "text": lambda t: t.isoformat(),
    "text with a space": str,
    "text of UTC": lambda t: t.isoformat() + "Z",
    "text with a zone": lambda t: t.tz_localize("UTC").tz_convert("Asia/Tokyo").isoformat(),
}


@pytest.mark.parametrize("form", MOMENTS)
def test_the_time_of_a_bar_comes_in_any_usual_form(simulated: Trained, form: str) -> None:
    open_time = int(np.unique(simulated.candles.open_time)[-5])
    at = MOMENTS[form](pd.Timestamp(open_time, unit="ms"))
    assert simulated.result.snapshot(simulated.candles, at).open_time == open_time


@pytest.mark.parametrize(
    "at",
    [
        "yesterday",
        "",
        "2026-13-01",
        17.5,
        True,
        [1],
        pd.NaT,
        float("nan"),
        10**30,
        -1,
        1704067200,
        np.datetime64("NaT"),
    ],
)
def test_what_is_no_time_of_a_bar_is_refused(simulated: Trained, at: Any) -> None:
    with pytest.raises(CandlesError, match=r"^at (is .*, which is no time of a bar: give|holds .*: correct it)"):
        simulated.result.predict(simulated.candles, at)


def test_a_day_is_its_first_bar(simulated: Trained) -> None:
    with pytest.raises(CandlesError, match=r"no bar of 5m opens at .* \(2026-11-20T00:00:00Z\) in candles from"):
        simulated.result.predict(simulated.candles, at="2026-11-20")


def test_a_bar_at_which_nobody_takes_part_is_refused(simulated: Trained) -> None:
    times = np.unique(simulated.candles.open_time)
    longest = simulated.result.metadata.max_gap
    assert longest > 0
    gap = times[-1 - LOOKBACK - longest : -LOOKBACK]
    holed = simulated.candles[~simulated.candles.open_time.isin(gap)]
    with pytest.raises(CandlesError, match="log_return_24 are undefined there"):
        simulated.result.predict(holed)


def test_a_symbol_without_candles_is_masked_where_that_is_allowed(simulated: Trained) -> None:
    candles = simulated.candles[simulated.candles.symbol != "ETHUSDT"]
    got = simulated.result.predict(candles, allow_missing=True)
    assert "ETHUSDT" not in got.index
    snapshot = simulated.result.snapshot(candles, allow_missing=True)
    assert not snapshot.node_mask[snapshot.symbols.index("ETHUSDT")]
    assert snapshot.symbols.index("ETHUSDT") not in snapshot.edge_index
