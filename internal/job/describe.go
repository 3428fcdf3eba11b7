package job

import (
	"slices"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// describe logs what the graph is, and warns of one that cannot tell its nodes
// apart.
func describe(d *data.Dataset, log zerolog.Logger) {
	for _, l := range d.Dropped {
		if len(l.Lacking) > 0 {
			log.Warn().Str("feature", l.Name).Str("reason", l.Reason).Str("lacking", source.FirstOf(l.Lacking)).
				Msg("feature left out, since some symbols lack what most have")
			continue
		}
		log.Info().Str("feature", l.Name).Str("reason", l.Reason).Msg("feature left out")
	}
	splits := map[data.Split]int{}
	for _, s := range d.Splits {
		splits[s]++
	}
	log.Info().Int("nodes", d.NumNodes()).Int("features", d.NumFeatures()).Float64("density", round(evaluation.Float(d.Density))).
		Int("train", splits[data.Train]).Int("valid", splits[data.Valid]).Int("test", splits[data.Test]).
		Int("live", splits[data.Live]).Int("gap", splits[data.Gap]).Msg("graph built")
	switch n := d.NumNodes(); {
	case d.EdgesGiven:
	case n == 1:
		log.Warn().Msg("a graph of one node has no edges, and is worth nothing: name more SYMBOLS")
	case n > 2 && d.Density > 0.95:
		log.Warn().Msgf("nearly every node is joined with every other at each bar, so all receive the same messages, which mostly does harm: "+
			"set EDGE_TOP_K below %d, or EDGE_THRESHOLD", n-1)
	}
}

// checkSymbol rejects a SYMBOL that is no node of a market. The nodes of a graph
// from a file may have no names.
func checkSymbol(d *data.Dataset, symbol string) error {
	if d.Timeless() || slices.Contains(d.Symbols, symbol) {
		return nil
	}
	return fault.Input("SYMBOL=%s is none of the %d nodes", symbol, d.NumNodes()).Fix("set SYMBOL to one of SYMBOLS")
}
