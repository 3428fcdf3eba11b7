package config

import (
	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/data/source"
)

// LoadRecord reads what a recording of order books needs of the environment, as
// Load does what a run needs: SYMBOL, SYMBOLS, the exchange's variables, where
// the cache is, and the log. The others have no effect.
func LoadRecord(environ []string) (Config, error) {
	var (
		c Config
		p problems
	)
	given := gather(env.ToMap(environ), func(v variable) bool { return v.name == "SYMBOL" }, &p)
	for _, part := range []any{&c.Source, &c.Source.Binance, &c.Log, &c.Paths} {
		parse(part, given.values, &p)
	}
	c.Source.Source = source.Binance
	c.checkLog(given, &p)
	p.addAll(c.Source.Validate())
	p.addAll(c.Source.Binance.ValidateStream())
	return c, p.err()
}
