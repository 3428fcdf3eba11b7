package binance

import (
	"errors"
	"net/url"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// The values of BINANCE_MARKET.
const (
	Spot = "spot"
	USDM = "usdm" // USD-margined perpetual futures
)

// Config is which of the exchange's markets is read, and where it is. The
// variables are documented in internal/config, which reads them.
type Config struct {
	Market         string `env:"BINANCE_MARKET" envDefault:"spot"`
	BaseURL        string `env:"BINANCE_BASE_URL" envDefault:"https://api.binance.com"`
	FuturesBaseURL string `env:"BINANCE_FUTURES_BASE_URL" envDefault:"https://fapi.binance.com"`
	WSURL          string `env:"BINANCE_WS_URL"` // unset: the market's own stream
	CacheDir       string `env:"CACHE_DIR" envDefault:"cache"`

	APIKey    secret.String `env:"BINANCE_API_KEY"`
	APISecret secret.String `env:"BINANCE_API_SECRET"` // never used: what is read is public

	RecordEvery time.Duration `env:"RECORD_EVERY" envDefault:"1s"`
}

// Validate checks every value, and reports all errors together. Each wraps
// data.ErrInput.
func (c Config) Validate() error {
	var errs []error
	if c.Market != Spot && c.Market != USDM {
		errs = append(errs, fault.Input("BINANCE_MARKET=%q is no market", c.Market).At("BINANCE_MARKET").Fix("set %s or %s", Spot, USDM))
	}
	for _, u := range []struct{ name, value, example string }{
		{"BINANCE_BASE_URL", c.BaseURL, "https://api.binance.com"},
		{"BINANCE_FUTURES_BASE_URL", c.FuturesBaseURL, "https://fapi.binance.com"},
		{"BINANCE_WS_URL", c.WSURL, "wss://stream.binance.com:9443"},
	} {
		parsed, err := url.Parse(u.value)
		schemes := []string{"https", "http"}
		if u.name == "BINANCE_WS_URL" {
			schemes = []string{"wss", "ws"}
			if u.value == "" {
				continue
			}
		}
		if err != nil || parsed.Host == "" || parsed.RawQuery != "" || parsed.Scheme != schemes[0] && parsed.Scheme != schemes[1] {
			errs = append(errs, fault.Input("%s=%q is no address", u.name, u.value).At("%s", u.name).Fix("write it as %s", u.example))
		}
	}
	if c.RecordEvery < time.Millisecond {
		errs = append(errs, fault.Input("RECORD_EVERY=%v is no time between two rows", c.RecordEvery).At("RECORD_EVERY").Fix("set one such as 1s"))
	}
	return errors.Join(errs...)
}
