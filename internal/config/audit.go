package config

import (
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// LoadAudit reads the environment as Load does, for a look at the data of a run
// alone: its ids may be unset. SYMBOL is needed where the source has no list of
// symbols of its own.
func LoadAudit(environ []string) (Config, error) {
	c, err := loadFor(environ, func(variable) bool { return false })
	var faults fault.List
	faults.Add(err)
	if c.IDs.Symbol == "" && (c.Source.Source == source.Simulated || c.Source.Source == source.Binance) {
		faults.Add(fault.Input("SYMBOL is not set").At("SYMBOL").Fix("set it to %s", lookup("SYMBOL").want()))
	}
	return c, faults.Err()
}
