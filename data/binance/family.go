package binance

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// families are Binance's own servers, by which of them tell of the same market.
var families = []struct{ rest, streams []string }{
	{
		[]string{"api.binance.com", "api-gcp.binance.com", "api1.binance.com", "api2.binance.com", "api3.binance.com", "api4.binance.com", "data-api.binance.vision"},
		[]string{"stream.binance.com", "data-stream.binance.vision"},
	},
	{[]string{"fapi.binance.com"}, []string{"fstream.binance.com"}},
	{[]string{"testnet.binance.vision"}, []string{"stream.testnet.binance.vision", "testnet.binance.vision"}},
	{[]string{"demo-fapi.binance.com", "testnet.binancefuture.com"}, []string{"fstream.binancefuture.com", "stream.binancefuture.com"}},
}

// ValidateStream checks that the streams are of the market that is asked for
// snapshots: two families of Binance's do not go together, and with a REST
// server of somebody's own the stream server is to be named too. What Validate
// finds wrong it passes over. The error wraps data.ErrInput.
func (c Config) ValidateStream() error {
	rest, err := url.Parse(c.address())
	if err != nil {
		return nil
	}
	streams, err := url.Parse(c.streams())
	if err != nil {
		return nil
	}
	asked := slices.IndexFunc(families, func(f struct{ rest, streams []string }) bool { return slices.Contains(f.rest, rest.Hostname()) })
	heard := slices.IndexFunc(families, func(f struct{ rest, streams []string }) bool {
		return slices.Contains(f.streams, streams.Hostname())
	})
	variable := "BINANCE_BASE_URL"
	if c.Market == USDM {
		variable = "BINANCE_FUTURES_BASE_URL"
	}
	switch {
	case asked == heard:
		return nil
	case c.WSURL != "" && (asked < 0 || heard < 0): // somebody's own, such as a relay: whoever set it knows
		return nil
	case c.WSURL == "":
		return fmt.Errorf("%w: %s is of %s, whose streams are not those of %s: set BINANCE_WS_URL to its stream server", data.ErrInput, variable, rest.Host, streams.Host)
	}
	return fmt.Errorf("%w: BINANCE_WS_URL is of %s and %s of %s, which do not belong together: set both to servers of one exchange", data.ErrInput, streams.Host, variable, rest.Host)
}
