package binance

import (
	"net/url"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// families are Binance's own servers, by which of them are of the same market.
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
// server of somebody's own the stream server is to be named too. It skips what
// Validate rejects. The error wraps data.ErrInput.
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
	listened := slices.IndexFunc(families, func(f struct{ rest, streams []string }) bool {
		return slices.Contains(f.streams, streams.Hostname())
	})
	variable := "BINANCE_BASE_URL"
	if c.Market == USDM {
		variable = "BINANCE_FUTURES_BASE_URL"
	}
	switch {
	case asked == listened:
		return nil
	case c.WSURL != "" && (asked < 0 || listened < 0): // somebody's own, such as a relay: whoever set it knows
		return nil
	case c.WSURL == "":
		return fault.Input("%s is of %s, whose streams are not those of %s", variable, rest.Host, streams.Host).At("%s", variable).Fix("set BINANCE_WS_URL to its stream server")
	}
	return fault.Input("BINANCE_WS_URL is of %s and %s of %s, which do not belong together", streams.Host, variable, rest.Host).At("BINANCE_WS_URL").Fix("set both to servers of one exchange")
}
