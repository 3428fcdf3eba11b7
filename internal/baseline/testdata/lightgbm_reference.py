"""What Python's LightGBM predicts of a table's rows after it has learned from them; printed as JSON.

Used by TestTreesPredictAsPythonsDo: python lightgbm_reference.py FEATURES FILE, a file of float32 rows, features first, then
the target.
"""

import json
import sys

import lightgbm
import numpy as np

rows = np.fromfile(sys.argv[2], np.float32).reshape(-1, int(sys.argv[1]) + 1)
x, y = np.ascontiguousarray(rows[:, :-1]), rows[:, -1]
parameters = {
    "objective": "regression", "num_leaves": 31, "learning_rate": 0.03, "deterministic": True, "force_row_wise": True,
    "seed": 1, "num_threads": 1, "verbosity": -1,
}
model = lightgbm.train(parameters, lightgbm.Dataset(x, y), num_boost_round=200)
json.dump({"trees": model.num_trees(), "scores": model.predict(x).tolist()}, sys.stdout, allow_nan=False)
