# %% [markdown]
# # Predictions from candles
#
# A result of gnn-trainer and the newest candles are all it takes. `make run` leaves a result in `out/market_gnn_v1`;
# CANDLES is a folder of SYMBOL.csv, the form that DATA_DIR takes too.

# %%
import os
from pathlib import Path

import pandas as pd

import gnn_trainer

MODEL = os.environ.get("MODEL", "out/market_gnn_v1")
CANDLES = Path(os.environ.get("CANDLES", "candles"))

# %% [markdown]
# The folder of a MODEL_NAME gives its newest finished run. Every file is compared with its checksum.

# %%
result = gnn_trainer.load(MODEL)
meta = result.metadata
test = result.metrics["splits"]["test"]
print(f"{result.address}, {result.status}: {len(meta.symbols)} symbols, bars of {meta.interval}")
known = {name: test[name] for name in ("rank_ic", "auc", "accuracy") if test[name] is not None}
print("on bars that it was not trained on:", ", ".join(f"{name} {value:.3f}" for name, value in known.items()))

# %% [markdown]
# Candles in one long frame. The features are computed by the definitions that the metadata name.

# %%
candles = pd.concat([pd.read_csv(path).assign(symbol=path.stem) for path in sorted(CANDLES.glob("*.csv"))])
print(result.features(candles).groupby("symbol").tail(1).set_index("symbol").T.to_string(float_format="%.4g"))

# %% [markdown]
# What the model says of the next bars, from the newest one.

# %%
said = result.predict(candles)
print(said.sort_values("score", ascending=False).to_string(float_format="%.4f"))

# %% [markdown]
# The graph behind it: who listens to whom. `snapshot.to_pyg()` is the same for PyTorch Geometric.

# %%
snapshot = result.snapshot(candles)
edges = pd.DataFrame(
    {
        "listens": [snapshot.symbols[i] for i in snapshot.edge_index[1].tolist()],
        "to": [snapshot.symbols[i] for i in snapshot.edge_index[0].tolist()],
        "correlation": snapshot.edge_attr[:, 0].numpy(),
    }
)
print(edges.nlargest(5, "correlation").to_string(index=False, float_format="%.3f"))

# %% [markdown]
# The run wrote down what it said of the same bars.

# %%
told = result.predictions().merge(result.predict_all(candles), on=["open_time", "symbol"], suffixes=("", "_now"))
gap = (told["score"] - told["score_now"]).abs().max()
print(f"{len(told)} predictions from candles are those of the run, within {gap:.1e}")
assert len(told) > 0
assert gap < 1e-5
