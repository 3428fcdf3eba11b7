package job

import (
	"context"
	"io"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/pyg"
)

// MaxDataset is how large dataset.pt grows where DATASET does not say, in bytes.
const MaxDataset = 200_000_000

// kept are the snapshots of a run that dataset.pt holds, in time order.
type kept struct {
	which string // as in DATASET
	rows  []int
}

// keep chooses the snapshots. Where DATASET is not set they are the newest with
// which the file stays below limit bytes.
func keep(d *data.Dataset, chosen config.Dataset, limit int64) kept {
	n := d.Len()
	switch chosen.Which {
	case config.DatasetNone:
		return kept{which: config.DatasetNone}
	case config.DatasetTest:
		k := kept{which: config.DatasetTest}
		for t := range n {
			if tests(d, t) {
				k.rows = append(k.rows, t)
			}
		}
		return k
	case config.DatasetAll:
		return newest(n, n)
	case config.DatasetNewest:
		return newest(min(chosen.Newest, n), n)
	}
	size := int64(pyg.CollatedOverhead)
	for t := n - 1; t >= 0; t-- {
		g := d.Snapshot(t)
		if size += g.CollatedBytes(); size >= limit {
			return newest(n-1-t, n)
		}
	}
	return newest(n, n)
}

// newest are the last count of n snapshots.
func newest(count, n int) kept {
	k := kept{which: config.DatasetNewest, rows: make([]int, count)}
	for i := range k.rows {
		k.rows[i] = n - count + i
	}
	switch count {
	case n:
		k.which = config.DatasetAll
	case 0:
		k.which = config.DatasetNone
	}
	return k
}

// tests tells whether a snapshot is of the test split, of any fold.
func tests(d *data.Dataset, t int) bool {
	for _, f := range d.Folds {
		if f.Splits[t] == data.Test {
			return true
		}
	}
	return d.Splits[t] == data.Test
}

// putGraph stores the snapshots that DATASET chooses, and the newest one apart. It
// tells which it has stored.
func putGraph(ctx context.Context, a *artefacts, d *data.Dataset, c config.Config, log zerolog.Logger) (*result.KeptSnapshots, error) {
	k := keep(d, c.Output.Dataset, MaxDataset)
	stored := &result.KeptSnapshots{Which: k.which, Snapshots: len(k.rows), Of: d.Len()}
	log.Info().Str("dataset", k.which).Int("snapshots", stored.Snapshots).Int("of", stored.Of).Msg("snapshots that dataset.pt holds")
	switch {
	case c.Output.Dataset.Which != "" || k.which == config.DatasetAll:
	case k.which == config.DatasetNone:
		log.Warn().Msg("there is no dataset.pt, since a single snapshot takes more than 200 MB: set DATASET=all to have it")
	default:
		log.Warn().Int("snapshots", stored.Snapshots).Int("of", stored.Of).
			Msg("dataset.pt holds the newest snapshots alone, since all of them take more than 200 MB: set DATASET=all for all of them")
	}
	if len(k.rows) > 0 {
		err := a.put(ctx, "dataset.pt", func(w io.Writer) error {
			return pyg.SaveCollated(w, len(k.rows), func(i int) pyg.Data { return d.Snapshot(k.rows[i]) })
		})
		if err != nil {
			return nil, err
		}
	}
	return stored, a.put(ctx, "graph.pt", func(w io.Writer) error {
		newest := d.Input(d.Len()-1, c.Model.Network().Window)
		return pyg.Save(w, newest.Dict())
	})
}
