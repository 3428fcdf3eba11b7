package binance

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// decimals is how many digits behind the point a price of the exchange's has at
// most: the precision that its exchangeInfo gives for every asset.
const decimals = 8

// Level is what is on offer at one price.
//
// The price is scaled to an integer, because a book finds its levels by it:
// 0.1 and 0.10000000 are one level, and no rounding may part or join two. An
// int64 holds prices up to 92 billion at the exchange's precision, costs no
// allocation and compares in one instruction, which a big decimal does not. The
// size is never looked up, only compared with 0 and summed: the float64 next to
// the decimal distinguishes any two of 15 digits, and an integer would overflow
// at the sizes of tokens that trade by the trillion.
type Level struct {
	Price int64   // in units of 1e-8 of the quote asset; above 0
	Size  float64 // in the base asset; 0 removes the level
}

// LevelOf reads a level as the exchange writes it, in decimals.
func LevelOf(price, size string) (Level, error) { return levelOf([]byte(price), []byte(size)) }

func levelOf(price, size []byte) (Level, error) {
	p, err := scaled(price)
	if err != nil {
		return Level{}, fmt.Errorf("a price of %.40q %w", price, err)
	}
	if p == 0 {
		return Level{}, fmt.Errorf("a price of %.40q is none", price)
	}
	if !plain(size) {
		return Level{}, fmt.Errorf("a size of %.40q is no decimal number", size)
	}
	s, err := strconv.ParseFloat(string(size), 64)
	if err != nil || math.IsInf(s, 0) {
		return Level{}, fmt.Errorf("a size of %.40q is too large", size)
	}
	return Level{p, s}, nil
}

// price is a scaled price in the quote asset.
func price(scaled int64) float64 { return float64(scaled) / 1e8 }

// plain reports whether text is digits with at most one point among them.
func plain(text []byte) bool {
	digits, points := 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// scaled reads a decimal number exactly.
func scaled(text []byte) (int64, error) {
	if !plain(text) {
		return 0, errors.New("is no decimal number")
	}
	whole, rest, _ := bytes.Cut(text, []byte("."))
	if len(rest) > decimals {
		if len(bytes.Trim(rest[decimals:], "0")) > 0 {
			return 0, fmt.Errorf("has more than %d decimals", decimals)
		}
		rest = rest[:decimals]
	}
	v := int64(0)
	push := func(digit byte) bool {
		d := int64(digit - '0')
		if v > (math.MaxInt64-d)/10 {
			return false
		}
		v = v*10 + d
		return true
	}
	for i := range len(whole) + decimals {
		digit := byte('0')
		if i < len(whole) {
			digit = whole[i]
		} else if i -= len(whole); i < len(rest) {
			digit = rest[i]
		}
		if !push(digit) {
			return 0, errors.New("is too large")
		}
	}
	return v, nil
}

// Levels are levels as the exchange's JSON has them: [["price","size"], ...].
type Levels []Level

var errLevels = errors.New(`levels are written as [["price","size"], ...]`)

// UnmarshalJSON reads all levels in one pass: they are nearly all of a message,
// and as lists of strings each would cost three allocations.
func (l *Levels) UnmarshalJSON(text []byte) error {
	*l = (*l)[:0]
	s := scanner{text}
	if !s.next('[') {
		return errLevels
	}
	if s.next(']') {
		return s.end()
	}
	*l = make(Levels, 0, bytes.Count(text, []byte("["))-1)
	for {
		if !s.next('[') {
			return errLevels
		}
		price, ok := s.quoted()
		if !ok || !s.next(',') {
			return errLevels
		}
		size, ok := s.quoted()
		if !ok || !s.next(']') {
			return errLevels
		}
		level, err := levelOf(price, size)
		if err != nil {
			return err
		}
		*l = append(*l, level)
		if s.next(']') {
			return s.end()
		}
		if !s.next(',') {
			return errLevels
		}
	}
}

// scanner walks over JSON text.
type scanner struct{ rest []byte }

// next steps over c, where that is what follows.
func (s *scanner) next(c byte) bool {
	s.rest = bytes.TrimLeft(s.rest, " \t\r\n")
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// quoted steps over a string; a number has no use for escapes in it.
func (s *scanner) quoted() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	i := bytes.IndexByte(s.rest, '"')
	if i < 0 {
		return nil, false
	}
	text := s.rest[:i]
	s.rest = s.rest[i+1:]
	return text, true
}

func (s *scanner) end() error {
	if len(bytes.TrimLeft(s.rest, " \t\r\n")) > 0 {
		return errLevels
	}
	return nil
}
