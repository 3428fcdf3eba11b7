package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/job"
)

// waiting remembers why something is waited for: an error at the end of a
// check's time does not say.
type waiting struct {
	long bool // the end of a wait is the other side's, and not that of patience

	mu   sync.Mutex
	last data.Step
}

func (w *waiting) watch(s data.Step) {
	if s.Phase == data.Waiting {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = s
	}
}

// why is the last reason, and until when it is waited where that is long: the
// pause before the next try is not.
func (w *waiting) why() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := time.Until(w.last.Until); w.long && left > 0 && w.last.Tries == 0 {
		return fmt.Sprintf("%s, for %v more", w.last.Why, left.Round(time.Second))
	}
	return w.last.Why
}

// otherSource is why a source is not checked; empty: it is the run's.
func (x *checker) otherSource(name string) string {
	switch {
	case x.Source.Source != name:
		return "DATA_SOURCE is " + x.Source.Source
	case x.Source.Validate() != nil, name == source.Binance && x.Rejects("BINANCE_BASE_URL", "BINANCE_FUTURES_BASE_URL", "BINANCE_API_KEY"):
		return badConfiguration
	}
	return ""
}

// binance asks the exchange for its time, its limits, and the run's symbols.
func (x *checker) binance() check {
	return check{name: binanceName, skip: x.otherSource(source.Binance), run: func(ctx context.Context) finding {
		w := waiting{long: true}
		cfg := job.Cached(x.Config)
		cfg.Watch = w.watch
		e, err := source.LookAtExchange(ctx, cfg)
		if len(e.Symbols) > 0 {
			x.plan.update(func(p *plan) {
				p.nodes, p.bars, p.held = int64(len(e.Symbols)), e.Bars, e.Held
				p.length = exactly(e.Bars)
			})
		}
		if err != nil {
			f := failure(because(err, w.why()), "wait until it answers, or where it cannot be reached from here, set HTTPS_PROXY to a proxy, or BINANCE_BASE_URL or BINANCE_FUTURES_BASE_URL to a mirror")
			if e.Held && f.transient {
				return warn(f.message+", and a run does not need it, since CACHE_DIR holds its whole range", f.remedy)
			}
			return f
		}
		x.skew.set("Binance", e.Skew)
		return judgeWeight(fmt.Sprintf("the %s market has the run's %d symbols", cfg.Binance.Market, len(e.Symbols)), e.Used, e.Limit)
	}}
}

func judgeWeight(message string, used, limit int) finding {
	message = fmt.Sprintf("%s; %d of the request weight of %d are used", message, used, limit)
	if used*10 > limit*8 {
		return warn(message, "find what else uses the exchange from this address; a run waits for its turn")
	}
	return finding{status: OK, message: message}
}

// arangodb logs in, and looks for what the run reads.
func (x *checker) arangodb() check {
	reads, saves := x.Source.Source == source.Arango, x.Source.Arango.Save != ""
	c := x.Source.Arango
	skip := ""
	switch {
	case !reads && !saves:
		skip = "DATA_SOURCE is " + x.Source.Source
	case c.Validate() != nil, x.Rejects("ARANGO_URL", "ARANGO_DB", "ARANGO_USER", "ARANGO_PASSWORD", "CA_PATH"):
		skip = badConfiguration
	}
	return check{name: arangoName, skip: skip, run: func(ctx context.Context) finding {
		var w waiting
		db, err := arango.Open(ctx, c, w.watch)
		const remedy = "start the database, or set ARANGO_URL to a running one"
		if err != nil {
			return failure(because(err, w.why()), remedy)
		}
		defer db.Close()
		where := fmt.Sprintf("ARANGO_DB=%s is open to ARANGO_USER=%s", c.Database, c.User)
		if saves {
			where += fmt.Sprintf("; whether graph %s can be written is not tried", c.Save)
		}
		if !reads {
			return fine("%s", where)
		}
		found, err := db.Look(ctx)
		switch {
		case err != nil:
			return failure(because(err, w.why()), remedy)
		case found.Lacks != "" && c.Wait > 0:
			return transient(found.Lacks, fmt.Sprintf("correct the name, or start what makes it: a run waits for it for GRAPH_WAIT=%v", c.Wait))
		case found.Lacks != "":
			return fail(found.Lacks, "correct the name, or set GRAPH_WAIT to wait for it")
		}
		x.plan.update(func(p *plan) { p.find(found) })
		return fine("%s, and has %s", where, counted(found.Documents))
	}}
}

// find adds what a database holds.
func (p *plan) find(f arango.Found) {
	sum := func(names []string) (n int64) {
		for _, name := range names {
			n += f.Documents[name]
		}
		return n
	}
	switch g := f.Inputs.Graph; {
	case g == nil:
		p.cells = sum(f.Inputs.Candles)
		p.length.about = p.cells / max(1, p.nodes)
	case g.Mixed: // which of them are edges is not known: they take less
		p.cells, p.edges, p.prepared = sum(g.Vertices), sum(g.Vertices), true
	default:
		p.cells, p.edges, p.prepared = sum(g.Vertices), max(sum(g.Edges), 1), true
	}
}

// counted writes numbers of documents, of the first few of many collections.
func counted(documents map[string]int64) string {
	const most = 5
	names := slices.Sorted(maps.Keys(documents))
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%s (%d)", name, documents[name]))
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more collections", more))
	}
	return strings.Join(parts, ", ")
}
