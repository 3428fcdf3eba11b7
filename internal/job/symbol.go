package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// checkSymbol rejects a SYMBOL that is no node, or a node of no snapshot. The nodes of a graph from a file
// may have no names: then it is a warning, since every SYMBOL but node_0 and the
// like is wrong, and one has to be set.
func checkSymbol(d *data.Dataset, symbol string, log zerolog.Logger) error {
	if i := slices.Index(d.Symbols, symbol); i >= 0 {
		if d.Coverage == nil || d.Coverage[i].Snapshots > 0 {
			return nil
		}
		return fault.Input("SYMBOL=%s is in no snapshot: it has %d candles, and a snapshot needs %d before it without a long gap",
			symbol, d.Coverage[i].Candles, d.FewestCandles()-1).At("SYMBOL").
			Fix("load a range in which it trades (START, END, LOOKBACK), or set another SYMBOL")
	}
	last := d.NumNodes() - 1
	if d.Timeless() && d.Symbols[0] == "node_0" && d.Symbols[last] == fmt.Sprintf("node_%d", last) {
		log.Warn().Msgf("SYMBOL=%s has no metrics of its own, since the graph's nodes have no names: save them as data.symbols, or set SYMBOL to one of node_0 to node_%d", symbol, last)
		return nil
	}
	fix := "set SYMBOL to one of " + source.FirstOf(d.Symbols)
	if meant := meantSymbol(symbol, d.Symbols); meant != "" {
		fix = "set SYMBOL=" + meant
	}
	return fault.Input("SYMBOL=%s is none of the %d nodes", symbol, d.NumNodes()).At("SYMBOL").Fix("%s", fix)
}

// meantSymbol is the node that SYMBOL names in another spelling, in other case
// or with a separator, or with a slip of the pen; or "".
func meantSymbol(symbol string, among []string) string {
	plain := strings.NewReplacer("-", "", "_", "", "/", "", " ", "", ":", "")
	for _, name := range among {
		if strings.EqualFold(plain.Replace(name), plain.Replace(symbol)) {
			return name
		}
	}
	return spelling.Nearest(symbol, slices.Values(among))
}
