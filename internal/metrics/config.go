package metrics

import (
	"net"
	"strconv"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is where metrics are served. The variable is documented in
// internal/config, which reads it.
type Config struct {
	Addr string `env:"METRICS_ADDR"` // host:port; empty: nowhere
	// Linger is how long a finished run waits for a scrape, so that its verdict is
	// seen.
	Linger time.Duration `env:"METRICS_LINGER" envDefault:"0s"`
}

// Validate tells what is wrong with an address that is set.
func (c Config) Validate() error {
	if c.Linger < 0 {
		return fault.Input("METRICS_LINGER is %s", c.Linger).At("METRICS_LINGER").Fix("set a length of time such as 30s, or 0")
	}
	if c.Addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fault.Input("METRICS_ADDR is %.80q", c.Addr).At("METRICS_ADDR").Fix("set host:port, such as :8080, or unset it")
	}
	return nil
}
