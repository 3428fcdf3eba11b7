package binance

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// The library would allocate what the footer says before it reads it.
func TestAFooterThatClaimsMoreThanItsFileIsTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "2024-05.parquet")
	if err := writeFile(path, []BookRow{{Time: 1714521600000, BestBid: 1, BestAsk: 2}}, spans{{0, 1}}, false); err != nil {
		t.Fatal(err)
	}
	look := func() error { return open(path, func(*parquet.File, spans) error { return nil }) }
	if err := look(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[len(content)-8:], []byte{math.MaxUint8, math.MaxUint8, math.MaxUint8, math.MaxInt8})
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := look(); !errors.Is(err, errTorn) || !strings.Contains(err.Error(), "its footer claims 2147483647 of its") {
		t.Errorf("%v", err)
	}
}
