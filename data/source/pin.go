package source

import (
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// Pin is the extent that a source had, where another day it would have another:
// a resumed run asks for just that.
type Pin struct {
	Symbols []string `json:"symbols"` // in node order
	Start   string   `json:"start"`   // RFC 3339, included
	End     string   `json:"end"`     // excluded
}

// Pin is the extent of m, which cfg described; nil where cfg alone always gives
// the same market.
func (c Config) Pin(m *data.Market) *Pin {
	if c.Source == Simulated {
		return nil
	}
	at := func(bar int) string { return time.UnixMilli(m.OpenTime(bar)).UTC().Format(time.RFC3339) }
	return &Pin{Symbols: m.Symbols, Start: at(0), End: at(m.Bars)}
}

// Pinned is c for the extent of an earlier Pin; nil leaves it as it is.
func (c Config) Pinned(p *Pin) Config {
	if p == nil {
		return c
	}
	c.Symbols, c.Start, c.End, c.Lookback = strings.Join(p.Symbols, ","), p.Start, p.End, ""
	c.Exclude = "" // it has had its effect
	return c
}
