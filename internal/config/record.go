package config

import (
	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// LoadRecord reads what a recording of order books needs of the environment, as
// Load does what a run needs: SYMBOL, SYMBOLS, the exchange's variables, where
// the cache is, and the log. The others have no effect.
func LoadRecord(environ []string) (Config, error) {
	var (
		c      Config
		faults fault.List
	)
	checkLibraries(env.ToMap(environ), &faults)
	given := gather(env.ToMap(environ), func(v variable) bool { return v.name == "SYMBOL" }, &faults)
	for _, part := range []any{&c.Source, &c.Source.Binance, &c.Log, &c.Paths} {
		parse(part, given, &faults)
	}
	c.Source.Source = source.Binance
	addAll(&faults, c.Source.Validate())
	addAll(&faults, c.Source.Binance.ValidateStream())
	return c, faults.Err()
}
