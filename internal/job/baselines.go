package job

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/streamforge/gnn-trainer/internal/baseline"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// OpenLightGBM opens the library of the baseline lightgbm. Where nobody asked for
// that by name, a run does without: nil, and missing gets the reason.
func OpenLightGBM(c config.Train, missing func(why error)) (*baseline.Library, error) {
	if !c.Baselines.Has(baseline.LightGBM) {
		return nil, nil
	}
	l, err := baseline.OpenLibrary(c.LightGBM)
	switch {
	case err == nil:
		return l, nil
	case c.LightGBM != "":
		return nil, fault.Input("%w", err).At("LIGHTGBM_LIB").Fix("set it to lib_lightgbm.so of Python's package lightgbm, or unset it")
	case c.BaselinesGiven:
		return nil, fault.Input("%w", err).At("BASELINES").
			Fix("set LIGHTGBM_LIB to lib_lightgbm.so of Python's package lightgbm, or leave lightgbm out of BASELINES")
	}
	missing(err)
	return nil, nil
}

// compareWithMethods compares the model's predictions with those of the baselines
// that need no network, some of them at once. A baseline is reported whole or not
// at all: stop is what ended the run before the last of them.
func (t *trainer) compareWithMethods(ctx context.Context, model *predictions, m *result.Metrics) (stop, err error) {
	var names []string
	for _, name := range t.config.Train.Baselines {
		switch {
		case name == config.BaselineNoEdges || name == config.BaselineShuffledEdges || name == config.BaselineMixer:
		case name == baseline.LightGBM && t.lightGBM == nil:
		case name == baseline.Prior && t.withoutClasses(): // nor does it rank
		case baseline.Suits(name, t.loaded.dataset):
			names = append(names, name)
		default:
			t.reporter.log.Info().Str("baseline", name).Msg("left out: the graph has no returns or closes to make it of")
		}
	}
	model.test() // both before several ask for them
	model.ofHorizons()
	type measured struct {
		baseline result.Baseline
		compared compared
	}
	all := make([]measured, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			b, p, err := t.fitBaseline(ctx, name)
			if err != nil {
				return fmt.Errorf("fitting the baseline %s: %w", name, err)
			}
			all[i] = measured{b, model.compareAll(p, name)}
			return nil
		})
	}
	if err := g.Wait(); isStop(ctx, err) {
		return context.Cause(ctx), nil
	} else if err != nil {
		return nil, err
	}
	for _, a := range all {
		addBaseline(m, a.baseline, a.compared)
	}
	return nil, nil
}

// withoutClasses tells whether the task predicts no classes.
func (t *trainer) withoutClasses() bool {
	task, err := taskOf(t.config.Data.Task, t.loaded.dataset)
	return err == nil && len(classes(task)) == 0
}

// fitBaseline fits and measures one, anew in each fold. A stop is an error.
func (t *trainer) fitBaseline(ctx context.Context, name string) (result.Baseline, *predictions, error) {
	method, meaning, err := baseline.New(name, t.lightGBM)
	if err != nil {
		return result.Baseline{}, nil, err
	}
	b, p := result.Baseline{Name: name, Description: meaning}, &predictions{}
	for number := 1; number <= t.loaded.dataset.NumFolds(); number++ {
		f, err := t.fitFold(ctx, method, number)
		if err == nil {
			err = addFold(&b, p, f)
		}
		if err != nil {
			return result.Baseline{}, nil, err
		}
	}
	b.Backtest = p.backtest()
	b.Splits, b.Horizons, err = p.evaluate()
	return b, p, err
}

// fitFold fits a baseline to one fold and predicts it.
func (t *trainer) fitFold(ctx context.Context, method train.Method, number int) (*foldPredictions, error) {
	d, splits := t.loaded.dataset.OfFold(number), allSplits
	if number < d.NumFolds() {
		splits = testedSplits
	}
	predictor, _, err := method.Fit(ctx, d)
	if err != nil {
		return nil, err
	}
	defer predictor.Close()
	f, err := predict(ctx, predictor, t.config.Data.Task, d, splits)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return f, err
}

// compared is how the model differs from a baseline.
type compared struct {
	comparison  evaluation.Comparison
	differences []evaluation.Difference
}

// compareAll compares the predictions with a baseline's.
func (p *predictions) compareAll(other *predictions, name string) compared {
	return compared{p.compare(other, name), p.differences(other, name)}
}

// addBaseline adds one to the metrics, with how the model compares.
func addBaseline(m *result.Metrics, b result.Baseline, c compared) {
	if m.Baselines == nil {
		m.Baselines = map[string]result.Baseline{}
	}
	m.Baselines[b.Name] = b
	m.Comparisons = append(m.Comparisons, c.comparison)
	m.Differences = append(m.Differences, c.differences...)
}
