package metrics

import (
	"net"
	"strconv"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is where metrics are served. The variable is documented in
// internal/config, which reads it.
type Config struct {
	Addr string `env:"METRICS_ADDR"` // host:port; empty: nowhere
}

// Validate tells what is wrong with an address that is set.
func (c Config) Validate() error {
	_, port, err := net.SplitHostPort(c.Addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fault.Input("METRICS_ADDR is %.80q", c.Addr).At("METRICS_ADDR").Fix("set host:port, such as :8080, or unset it")
	}
	return nil
}
