package binance

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Check rejects symbols that the market does not have, all at once.
func (c *Client) Check(all []Symbol, names []string) error {
	var lacking []string
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s Symbol) bool { return s.Name == name }) {
			lacking = append(lacking, name)
		}
	}
	if lacking == nil {
		return nil
	}
	other := Spot
	if c.market == Spot {
		other = USDM
	}
	err := fault.Input("the %s market of %s has no symbol %s", c.market, c.url, strings.Join(lacking, ", ")).At("%s", c.url)
	there := make([]string, len(all))
	for i, s := range all {
		there[i] = s.Name
	}
	if remedy := symbolname.Meant(lacking, there); remedy != "" {
		return err.Fix("%s", remedy)
	}
	return err.Fix("correct SYMBOL or SYMBOLS, or set BINANCE_MARKET=%s", other)
}

// Top are the n symbols of the quote asset of symbol that trade now, without
// those left out, by what the last 24 hours traded, most first. symbol takes the
// place of the last one where it is not among them.
func (c *Client) Top(ctx context.Context, all []Symbol, symbol string, n int, leftOut ...string) ([]string, error) {
	if err := c.Check(all, []string{symbol}); err != nil {
		return nil, err
	}
	volumes, err := c.QuoteVolumes(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(s Symbol) bool { return s.Name == symbol })
	var ranked []string
	for _, s := range all {
		if s.Trading && s.QuoteAsset == all[at].QuoteAsset && !slices.Contains(leftOut, s.Name) || s.Name == symbol {
			ranked = append(ranked, s.Name)
		}
	}
	if len(ranked) < n {
		return nil, fault.Input("SYMBOLS=top:%d, and only %d symbols against %s trade on the %s market of %s", n, len(ranked), all[at].QuoteAsset, c.market, c.url).At("SYMBOLS").Fix("set top:%d or less", len(ranked))
	}
	slices.SortStableFunc(ranked, func(a, b string) int {
		return cmp.Or(cmp.Compare(volumes[b], volumes[a]), cmp.Compare(a, b))
	})
	if !slices.Contains(ranked[:n], symbol) {
		ranked[n-1] = symbol
	}
	return ranked[:n], nil
}
