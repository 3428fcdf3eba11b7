package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// initial is what INIT_FROM names: the weights that a training begins with.
type initial struct {
	from    string
	weights []byte           // a state dict, as torch.save writes it
	of      *result.Metadata // of the run that they are of; nil: they are a file
}

// readInitial reads it; nil where INIT_FROM is unset.
func readInitial(ctx context.Context, c config.Config) (*initial, error) {
	from := c.Train.InitFrom
	switch {
	case from == "":
		return nil, nil
	case c.InitFromFile():
		weights, err := os.ReadFile(inWorkDir(c, from))
		if err != nil {
			return nil, fault.Input("reading the weights of INIT_FROM: %w", err).At("INIT_FROM").Fix("set the path of a weights.pt, or the QUEUE_ID of a finished run")
		}
		return &initial{from: from, weights: weights}, nil
	}
	c.IDs.QueueID = from
	storage, err := newStorage(c, func(string) {})
	if err != nil {
		return nil, fault.Input("%w", err)
	}
	defer storage.Access.Close()
	i := &initial{from: from, of: &result.Metadata{}}
	if i.weights, err = storage.Results.Read(ctx, "weights.pt"); err == nil {
		err = readJSON(ctx, storage.Results, "metadata.json", i.of)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Input("INIT_FROM=%s has no model in %s", from, storage.Results.Location("")).At("INIT_FROM").
			Fix("set the QUEUE_ID of a finished run of MODEL_NAME=%s, or the path of a weights.pt", c.Store.ModelName)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model of INIT_FROM=%s: %w", from, err)
	}
	return i, nil
}

// check rejects a model of other features than the dataset's, or of other symbols
// where it has an embedding of each, and warns where it has seen bars that this run is
// tested on.
func (i *initial) check(d *data.Dataset, log zerolog.Logger) error {
	if i == nil || i.of == nil {
		return nil
	}
	if !slices.Equal(i.of.FeatureNames, d.Features) {
		return fault.Input("INIT_FROM=%s was trained on the features %s, and this run has %s", i.from, strings.Join(i.of.FeatureNames, ","), strings.Join(d.Features, ",")).
			At("INIT_FROM").Fix("set FEATURES and the data as they were in that run, or unset INIT_FROM")
	}
	if i.of.NodeEmbedding > 0 && !slices.Equal(i.of.Symbols, d.Symbols) {
		return fault.Input("INIT_FROM=%s has a vector of each symbol, by NODE_EMBEDDING, and was trained on others than this run: %s", i.from, difference(i.of.Symbols, d.Symbols)).
			At("INIT_FROM").Fix("set SYMBOLS as in that run, or unset INIT_FROM")
	}
	times, tested := d.OpenTimes(), d.Snapshots(data.Test)
	if d.NumFolds() > 1 {
		tested = d.OfFold(1).Snapshots(data.Test)
	}
	for _, seen := range []*int64{i.of.Splits.Train.Last, i.of.Splits.Valid.Last} {
		if seen != nil && len(times) > 0 && len(tested) > 0 && *seen >= times[tested[0]] {
			log.Warn().Str("init_from", i.from).Str("seen", rfc3339(*seen)).Time("tested_from", time.UnixMilli(times[tested[0]]).UTC()).
				Msg("the model that the training begins with has seen bars of the test split: its test metrics are not out of sample")
			return nil
		}
	}
	return nil
}

// difference is the first one between the symbols of an earlier run and of this one.
func difference(earlier, now []string) string {
	for _, s := range now {
		if !slices.Contains(earlier, s) {
			return s + " is new"
		}
	}
	for _, s := range earlier {
		if !slices.Contains(now, s) {
			return s + " is missing"
		}
	}
	return "their order differs"
}

// record adds it to a result's metadata.
func (i *initial) record(m *result.Metadata) {
	if i != nil {
		sum := sha256.Sum256(i.weights)
		m.InitFrom, m.InitSHA256 = i.from, hex.EncodeToString(sum[:])
	}
}
