package job

import (
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// describe logs what the graph is, and warns of one whose nodes cannot be
// distinguished.
func describe(d *data.Dataset, symbol string, log zerolog.Logger) {
	for _, line := range d.Warnings[:min(len(d.Warnings), maxWarnings)] {
		log.Warn().Msg(line)
	}
	logDropped(d.Dropped, log)
	logJumps(d, log)
	logCoverage(d, symbol, log)
	splits := map[data.Split]int{}
	for _, s := range d.Splits {
		splits[s]++
	}
	log.Info().Int("nodes", d.NumNodes()).Int("features", d.NumFeatures()).Float64("density", round(evaluation.Float(d.Density))).
		Int("train", splits[data.Train]).Int("valid", splits[data.Valid]).Int("test", splits[data.Test]).
		Int("live", splits[data.Live]).Int("gap", splits[data.Gap]).Msg("graph built")
	logFolds(d, log)
	switch n := d.NumNodes(); {
	case d.EdgesGiven:
	case n == 1:
		log.Warn().Msg("a graph of one node has no edges, and is worth nothing: name more SYMBOLS")
	case !slices.Equal(d.EdgeTypes, []string{data.EdgesCorrelation}): // dense ones differ by their weights
	case n > 2 && d.Density > 0.95:
		log.Warn().Msgf("nearly every node is joined with every other at each bar, so all receive the same messages, which mostly does harm: "+
			"set EDGE_TOP_K below %d, or EDGE_THRESHOLD", n-1)
	}
}

// logFolds logs where the test windows of a walk-forward lie. The splits above are
// the last fold's.
func logFolds(d *data.Dataset, log zerolog.Logger) {
	if d.Folds == nil {
		return
	}
	var windows []string
	tested := 0
	for k := range d.Folds {
		test := d.Folds[k].Snapshots(data.Test)
		windows = append(windows, stampOf(d.OpenTimes()[test[0]]))
		tested += len(test)
	}
	log.Info().Int("folds", len(d.Folds)).Int("test", tested).Strs("windows_from", windows).
		Int("first_train", len(d.Folds[0].Snapshots(data.Train))).Int("last_train", len(d.Snapshots(data.Train))).Msg("walk-forward")
}

// logDropped is one line, a warning where some symbols lack what most have: that
// is more often a mistake in the data than a property of the market.
func logDropped(features []data.DroppedFeature, log zerolog.Logger) {
	if len(features) == 0 {
		return
	}
	var names, reasons, lacking []string
	for _, f := range features {
		names = append(names, f.Name)
		if !slices.Contains(reasons, f.Reason) {
			reasons = append(reasons, f.Reason)
		}
		for _, symbol := range f.Lacking {
			if !slices.Contains(lacking, symbol) {
				lacking = append(lacking, symbol)
			}
		}
	}
	line := log.Info()
	if len(lacking) > 0 {
		line = log.Warn().Str("lacking", source.FirstOf(lacking))
	}
	line.Str("features", strings.Join(names, ", ")).Str("reasons", strings.Join(reasons, "; ")).Msg("features left out")
}
