package metrics

import (
	"fmt"
	"net"
	"strconv"
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
		return fmt.Errorf("METRICS_ADDR is %.80q: set host:port, such as :8080, or unset it", c.Addr)
	}
	return nil
}
