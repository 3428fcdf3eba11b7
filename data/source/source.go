// Package source brings candles in as a data.Market: from a folder of files,
// or from a simulation. What arrives is cleaned and checked; what is
// impossible is rejected with its place named. Nothing is filled in: a bar that
// a symbol lacks stays missing.
package source

import (
	"context"
	"errors"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// The values of DATA_SOURCE that Load serves.
const (
	Files     = "files"
	Simulated = "simulated"
	Binance   = "binance"
	Arango    = "arango" // candle collections; a prepared graph is package arango's alone
)

// Config is where candles come from. The variables are documented in
// internal/config, which reads them.
type Config struct {
	Source   string `env:"DATA_SOURCE" envDefault:"auto"`
	Dir      string `env:"DATA_DIR"`
	Symbol   string `env:"SYMBOL"`
	Symbols  string `env:"SYMBOLS"` // a list, or top:N by quote volume
	Exclude  string `env:"EXCLUDE"` // a list of those that the source's own choice leaves out
	Interval string `env:"INTERVAL" envDefault:"5m"`
	Start    string `env:"START"`    // RFC 3339 or 2006-01-02, included
	End      string `env:"END"`      // the same, excluded
	Lookback string `env:"LOOKBACK"` // a duration such as 30d, or START:END
	Seed     int64  `env:"SEED" envDefault:"42"`

	// Columns are those of a user's own that the files are read for, as FEATURES
	// names them.
	Columns []string `env:"-"`

	Binance binance.Config   `env:"-"`
	Arango  arango.Config    `env:"-"`
	Watch   data.Watcher     `env:"-"` // sees how far a load has come
	Clock   func() time.Time `env:"-"` // tells which bars have closed; nil: the machine's

	// LeastBars is how many bars a symbol needs to be in a snapshot: top:N passes
	// over one that has fewer. 0: it does not.
	LeastBars int `env:"-"`

	Fixed func(Pin) `env:"-"` // gets what a live source will load, before it does; may be nil
}

// Validate checks every value that can be checked without reading candles, and
// reports all errors together. Each wraps data.ErrInput.
func (c Config) Validate() error {
	_, parsed := c.query()
	var dir error
	if c.Source == Files && c.Dir == "" {
		dir = fault.Input("DATA_SOURCE=files needs DATA_DIR").At("DATA_DIR").Fix("set it to the folder of SYMBOL.csv or SYMBOL.parquet files")
	}
	var source error
	switch c.Source {
	case Binance:
		source = c.Binance.Validate()
	case Arango:
		if source = c.Arango.Validate(); source == nil && !c.Arango.Reads() {
			source = fault.Input("DATA_SOURCE=arango names nothing to read").At("DATA_SOURCE").Fix("set GRAPH_COLLECTION_NAME to a prepared graph, or CANDLES_COLLECTION to collections of candles")
		}
	}
	return errors.Join(dir, parsed, source)
}

// query is a Config whose texts are read.
type query struct {
	Config
	interval  time.Duration
	span      Range
	selection Selection
	exclude   []string
	now       time.Time
}

// query reads what the settings ask for, and reports all errors together.
func (c Config) query() (query, error) {
	q := query{Config: c, now: time.Now()}
	if c.Clock != nil {
		q.now = c.Clock()
	}
	var symbols, exclude, interval, span error
	if q.selection, symbols = ParseSymbols(c.Symbols, c.Symbol); symbols != nil && c.Source == Files {
		symbols = c.suggest(symbols)
	}
	q.exclude, exclude = ParseExclude(c.Exclude, c.Symbols, c.Symbol)
	q.interval, interval = ParseInterval(c.Interval)
	q.span, span = c.Range()
	return q, errors.Join(symbols, exclude, interval, span)
}

// Load gathers the market that cfg describes. Errors that the user fixes wrap
// data.ErrInput. Counts of what was tolerated are in the Report.
func Load(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	load, known := map[string]func(context.Context, query) (*data.Market, Report, error){
		Files: loadFiles, Simulated: loadSimulated, Binance: loadBinance, Arango: loadArango,
	}[cfg.Source]
	if !known {
		return nil, Report{}, fault.Input("DATA_SOURCE=%s is not a candle source", cfg.Source).At("DATA_SOURCE").Fix("set binance, arango, files or simulated")
	}
	if err := cfg.Validate(); err != nil {
		return nil, Report{}, err
	}
	q, err := cfg.query()
	if err != nil {
		return nil, Report{}, err
	}
	return load(ctx, q)
}

// Report counts what was tolerated while reading, over the symbols of the market.
type Report struct {
	Rows       int `json:"rows"`       // candles read, before any cut by START, END or LOOKBACK
	Duplicates int `json:"duplicates"` // repeated open_time with the same values, dropped
	Disordered int `json:"disordered"` // rows that came after a later one, sorted
	Missing    int `json:"missing"`    // bars between a symbol's first and last that it lacks

	Database *arango.Report `json:"database,omitempty"` // what was tolerated in its documents

	// Now is the time by the clock that decides which bars have closed: an exchange's;
	// zero: this machine's.
	Now time.Time `json:"-"`

	// Warnings has a sentence for each thing that was left out: a file, a bar that
	// has not closed, a symbol.
	Warnings []string `json:"-"`

	// Unread has a sentence for each of the columns that are nearly an optional
	// one that their file lacks.
	Unread []string `json:"-"`
}
