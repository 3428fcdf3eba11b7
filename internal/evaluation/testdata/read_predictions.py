"""A predictions.parquet as pandas and pyarrow see it, printed as JSON.

Used by TestPandasReadsThePredictionsThatWereWritten: python read_predictions.py FILE
"""

import json
import sys

import pandas as pd
import pyarrow.parquet as pq

path = sys.argv[1]
frame = pd.read_parquet(path)
schema = pq.read_schema(path)
group = pq.ParquetFile(path).metadata.row_group(0)
json.dump(
    {
        "columns": list(frame.columns),
        # pandas 2 calls strings object, pandas 3 str.
        "dtypes": ["string" if pd.api.types.is_string_dtype(frame[c]) else str(frame[c].dtype) for c in frame],
        "arrow": [str(f.type) for f in schema],
        "nullable": [f.nullable for f in schema],
        "compression": sorted({group.column(i).compression for i in range(group.num_columns)}),
        # Not DataFrame.to_json, which rounds.
        "rows": [[None if pd.isna(v) else v for v in row] for row in frame.astype(object).to_numpy().tolist()],
    },
    sys.stdout,
    allow_nan=False,
)
