package arango

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
)

// times finds the first attribute of a list that a document has.
type times struct {
	names []string
	best  int // place in names, from 1
	v     value
}

func (t *times) see(name []byte, v value) {
	if v.isNull() {
		return
	}
	for i, n := range t.names {
		if string(name) == n && (t.best == 0 || i+1 < t.best) {
			t.best, t.v = i+1, v
		}
	}
}

func (t *times) millis() (int64, error) {
	if t.best == 0 {
		return 0, errors.New("the document has no " + strings.Join(t.names, " or "))
	}
	ms, err := t.v.millis()
	if err != nil {
		return 0, fmt.Errorf("%s %w", t.names[t.best-1], err)
	}
	return ms, nil
}

// namedAfter is a collection that is named after its symbol.
var namedAfter = regexp.MustCompile(`^([A-Za-z0-9]+)_(candles|klines|orderbook|order_book|depth|funding)(_|$)`)

// symbols makes strings of symbols, each once.
type symbols struct {
	fallback string // of documents that name none
	known    map[string]string
	only     map[string]bool // nil: all
}

func newSymbols(collection string, r Reading) *symbols {
	s := &symbols{fallback: r.Symbol, known: map[string]string{}}
	if m := namedAfter.FindStringSubmatch(collection); m != nil {
		s.fallback = strings.ToUpper(m[1])
	}
	if r.Symbols != nil {
		s.only = map[string]bool{}
		for _, symbol := range r.Symbols {
			s.only[symbol] = true
		}
	}
	return s
}

func (s *symbols) name(v value) string {
	if v.isNull() {
		return ""
	}
	name := s.intern(v.bytes())
	if strings.ContainsAny(name, "/:") { // which no variable can name
		return symbolname.Plain(name)
	}
	return name
}

func (s *symbols) intern(text []byte) string {
	if name, ok := s.known[string(text)]; ok {
		return name
	}
	name := string(text)
	s.known[name] = name
	return name
}

func (s *symbols) wanted(symbol string) bool { return s.only == nil || s.only[symbol] }
