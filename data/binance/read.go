package binance

import (
	"errors"
	"os"
	"strings"
	"time"
)

// ErrDamaged marks that a part of the cache could not be read, or is no longer
// there: Fetch brings it back, but for what was recorded.
var ErrDamaged = errDamaged

// Klines hands the symbol's candles of the request to add, in rising order.
func (c *Cache) Klines(symbol string, r Request, add func(Kline) error) error {
	return each(klines(c, r.Interval, symbol), span{r.From, r.To}, add)
}

// Fundings hands the symbol's funding rates up to the request's end to add, from
// what was in force at its first bar on.
func (c *Cache) Fundings(symbol string, r Request, add func(Funding) error) error {
	return each(funding(c, symbol), span{r.From - FundingAge.Milliseconds(), r.To}, add)
}

// Books hands the samples of the symbol's order book up to the request's end to
// add, from age before its first bar on.
func (c *Cache) Books(symbol string, r Request, age time.Duration, add func(BookRow) error) error {
	return each(book(c, symbol), span{r.From - age.Milliseconds(), r.To}, add)
}

// HasBooks reports whether an order book of any of the symbols was recorded.
func (c *Cache) HasBooks(symbols []string) (bool, error) {
	for _, symbol := range symbols {
		entries, err := os.ReadDir(book(c, symbol).dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, cacheError("looking into CACHE_DIR", err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				return true, nil
			}
		}
	}
	return false, nil
}

// each hands the rows of a series within want to add, a month at a time.
func each[R row](s series[R], want span, add func(R) error) error {
	for _, m := range months(want.from, want.to) {
		rows, known, _, err := s.read(m)
		if err == nil {
			err = s.check(m, known)
		}
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.at() < want.from || r.at() >= want.to {
				continue
			}
			if err := add(r); err != nil {
				return err
			}
		}
	}
	return nil
}
