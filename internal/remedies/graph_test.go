package remedies

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// builds is what a run does up to its dataset.
func builds(w *world) error {
	c, err := config.Load(environ(w))
	if err != nil {
		return err
	}
	m, _, err := source.Load(context.Background(), c.Source)
	if err != nil {
		return err
	}
	_, err = data.Build(m, c.Data)
	return err
}

// moving writes files of so many bars whose prices go up and down, each in its
// own way.
func (w *world) moving(bars int) {
	w.good()
	for s, symbol := range []string{"AAA", "BBB", "CCC"} {
		all := []string{header}
		for i := range bars {
			price := 100 + float64((i*i*(s+3)+i*7)%23)
			all = append(all, fmt.Sprintf("%d,%v,%v,%v,%v,%d", firstBar+int64(i)*barMS, price, price+1, price-1, price, 5+i%3))
		}
		w.write(symbol+".csv", all)
	}
	for name, value := range map[string]string{"GRAPH_WINDOW": "20", "EDGE_TOP_K": "1"} {
		w.vars[name] = value
	}
}

const movingBars = 200

// byGraphs follow the remedies of what is made of candles.
var byGraphs = append([]step{
	{regexp.MustCompile(`or lower GRAPH_WINDOW( and HORIZON)?$`), func(w *world, _ *fault.Error, g []string) bool {
		if g[1] != "" {
			set(w, "HORIZON", "1")
		}
		return set(w, "GRAPH_WINDOW", "10")
	}},
	{regexp.MustCompile(`lower HORIZON$`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "HORIZON", "1") }},
	{regexp.MustCompile(`^load (more|other|a market)`), func(w *world, _ *fault.Error, _ []string) bool {
		set(w, "START", "")
		set(w, "LOOKBACK", "")
		w.moving(movingBars)
		return true
	}},
	{regexp.MustCompile(`^move it between them`), func(w *world, f *fault.Error, _ []string) bool {
		m := regexp.MustCompile(`from (\S+) to (\S+)`).FindStringSubmatch(f.What)
		if m == nil {
			return false
		}
		return set(w, "TRAIN_END", "2024-06-01T08:00:00Z") && set(w, "VALID_END", "2024-06-01T12:00:00Z")
	}},
	{regexp.MustCompile(`^move the boundaries`), func(w *world, _ *fault.Error, _ []string) bool {
		return set(w, "TRAIN_FRACTION", "0.6") && set(w, "VALID_FRACTION", "0.2")
	}},
	{regexp.MustCompile(`or set (TARGET)=(\w+)`), func(w *world, _ *fault.Error, g []string) bool { return set(w, g[1], g[2]) }},
}, byFiles...)

// wrongMarkets are settings and files that no graph can be made of.
var wrongMarkets = map[string]func(*world){
	"too few bars":             func(w *world) { w.moving(30) },
	"too long a window":        variables("GRAPH_WINDOW=1000"),
	"too long a horizon":       variables("HORIZON=150"),
	"boundaries outside":       variables("TRAIN_END=2018-01-01T00:00:00Z", "VALID_END=2018-02-01T00:00:00Z"),
	"a boundary at the end":    variables("TRAIN_END=2024-06-01T08:00:00Z", "VALID_END=2030-01-01T00:00:00Z"),
	"mid prices without books": variables("TARGET=mid"),
	"too small a range":        variables("START=2024-06-01T14:00:00Z"),
	"too small a split":        variables("TRAIN_FRACTION=0.01", "VALID_FRACTION=0.01"),
	"a market that stands still": func(w *world) {
		for s, symbol := range []string{"AAA", "BBB", "CCC"} {
			all := []string{header}
			for i := range movingBars {
				all = append(all, strings.Join([]string{strconv.FormatInt(firstBar+int64(i)*barMS, 10), "10", "10", "10", "10", strconv.Itoa(5 + s + i%3)}, ","))
			}
			w.write(symbol+".csv", all)
		}
	},
}

func TestTheRemedyOfAWrongMarketIsOne(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(wrongMarkets)) {
		t.Run(name, func(t *testing.T) {
			w := &world{vars: maps.Clone(basis)}
			one := trial{name: name, check: builds, steps: byGraphs, prepare: func(w *world) {
				w.moving(movingBars)
				wrongMarkets[name](w)
			}}
			one.try(t, w)
		})
	}
}
