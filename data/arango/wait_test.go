package arango

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// inFront has the server call on before each request, with its number from 1.
func inFront(t *testing.T, s *arangodb.Server, on func(n int)) (url string) {
	t.Helper()
	var n atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		on(int(n.Add(1)))
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func TestAGraphThatIsNotThereYetIsWaitedForUntilItIsWhole(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	node := func(i int) doc { return doc{"type": "node", "p": i, "symbol": string(rune('A' + i))} }
	rest := 0 // nodes that come with each further request
	c.URL = inFront(t, s, func(n int) {
		switch {
		case n == 20:
			s.CreateCollection("market", "g", false)
		case n >= 40 && rest < 12:
			insert(s, "g", false, node(rest))
			rest++
		}
	})
	c.Wait = time.Minute
	var told []data.Step
	d, err := Open(t.Context(), c, func(s data.Step) { told = append(told, s) })
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	hurry(d)
	g, _, err := readGraph(t.Context(), d, Choice{})
	if err != nil {
		t.Fatal(err)
	}
	if n := g.File.Data.NumNodes; n != 12 {
		t.Errorf("%d nodes were read, while 12 were being written", n)
	}
	var whys []string
	for _, s := range told {
		if s.Phase != data.Waiting || time.Until(s.Until) < 30*time.Second {
			t.Errorf("%+v", s)
		}
		if len(whys) == 0 || whys[len(whys)-1] != s.Why {
			whys = append(whys, s.Why)
		}
	}
	if want := []string{"g is neither a named graph nor a collection in ARANGO_DB=market", "collection g is empty"}; !reflect.DeepEqual(whys, want) {
		t.Errorf("told %q, want %q", whys, want)
	}
}

func TestAGraphThatDoesNotComeIsRejectedWhenTheWaitIsOver(t *testing.T) {
	for _, c := range []struct {
		name string
		wait time.Duration
		make func(s *arangodb.Server, c *Config)
		want string
	}{
		{"no wait", 0, func(*arangodb.Server, *Config) {}, "g is neither a named graph nor a collection in ARANGO_DB=market: correct the name, or set GRAPH_WAIT to wait for it"},
		{"a wait", 30 * time.Millisecond, func(*arangodb.Server, *Config) {}, "g is neither a named graph nor a collection in ARANGO_DB=market after GRAPH_WAIT=30ms: correct the name, or raise GRAPH_WAIT if it comes later"},
		{"an empty collection", 0, func(s *arangodb.Server, _ *Config) { s.CreateCollection("market", "g", false) }, "collection g is empty: correct the name, or set GRAPH_WAIT to wait for it"},
		{"a graph without edges", 0, func(s *arangodb.Server, _ *Config) {
			s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v"}, To: []string{"v"}})
			insert(s, "v", false, doc{"p": 1})
		}, "graph g is not whole: collection e is empty: correct the name, or set GRAPH_WAIT to wait for it"},
		{"no candles", 0, func(_ *arangodb.Server, c *Config) { c.Graph, c.Candles = "", "btc_candles" }, "collection btc_candles is not in ARANGO_DB=market: correct the name, or set GRAPH_WAIT to wait for it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, config := serve(t, arangodb.Options{})
			c.make(s, &config)
			config.Wait = c.wait
			_, err := open(t, config).Inputs(t.Context())
			mustReject(t, err, c.want)
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	_, c := serve(t, arangodb.Options{})
	c.Wait = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	d, err := Open(ctx, c, func(data.Step) { cancel(why) })
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.poll = time.Hour
	if _, err := d.Inputs(ctx); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestInputsAreSortedByWhatTheirDocumentsHold(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	insert(s, "bars", false, doc{"open_time": noon, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1})
	insert(s, "more_bars", false, doc{"ts": noon, "open": "1", "high": 1, "low": 1, "close": 1, "funding_rate": 0.1})
	insert(s, "book", false, doc{"E": noon, "b": []any{}, "a": []any{}})
	insert(s, "rates", false, doc{"fundingTime": noon, "fundingRate": "0.1"})
	insert(s, "mixed", false, doc{"type": "node", "close": 1})
	insert(s, "v", false, doc{"_key": "a", "p": 1})
	insert(s, "e", true, doc{"_from": "v/a", "_to": "v/a"})
	insert(s, "e2", true, doc{"_from": "w/a", "_to": "w/a"})
	insert(s, "w", false, doc{"_key": "a", "p": 1})
	insert(s, "else", false, doc{"text": "hello"})
	s.CreateGraph("market", "named", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v"}, To: []string{"v"}})
	mixed := &Layout{Name: "mixed", Vertices: []string{"mixed"}, Edges: []string{"mixed"}, Mixed: true}
	for _, in := range []struct {
		inputs string
		want   Inputs
		err    string
	}{
		{inputs: "bars, book,rates,more_bars", want: Inputs{Candles: []string{"bars", "more_bars"}, OrderBook: []string{"book"}, Funding: []string{"rates"}}},
		{inputs: "mixed", want: Inputs{Graph: mixed}},
		{inputs: "named", want: Inputs{Graph: &Layout{Name: "named", Vertices: []string{"v"}, Edges: []string{"e"}}}},
		{inputs: "v,e", want: Inputs{Graph: &Layout{Name: "e", Vertices: []string{"v"}, Edges: []string{"e"}}}},
		{inputs: "e,v", want: Inputs{Graph: &Layout{Name: "e", Vertices: []string{"v"}, Edges: []string{"e"}}}},
		{inputs: "bars,else", err: "COLLECTION_INPUTS names else, whose documents are no candles (open, high, low, close), order books (bids, asks), funding rates (funding_rate), nor nodes and edges (type): leave it out"},
		{inputs: "bars,mixed", err: "COLLECTION_INPUTS holds candles (bars) and a prepared graph (mixed): name the one to train on by CANDLES_COLLECTION or GRAPH_COLLECTION_NAME"},
		{inputs: "mixed,e2", err: "COLLECTION_INPUTS holds two prepared graphs, mixed and e2: name the one to train on by GRAPH_COLLECTION_NAME"},
		{inputs: "book", err: "there is nothing to build a graph from: set CANDLES_COLLECTION to collections of candles, or GRAPH_COLLECTION_NAME to a prepared graph"},
		{inputs: "bars,gone", err: "collection gone is not in ARANGO_DB=market: correct the name, or set GRAPH_WAIT to wait for it"},
	} {
		t.Run(in.inputs, func(t *testing.T) {
			c := c
			c.Graph, c.Inputs = "", in.inputs
			got, err := open(t, c).Inputs(t.Context())
			if in.err != "" {
				mustReject(t, err, in.err)
				return
			}
			if err != nil || !reflect.DeepEqual(got, in.want) {
				t.Errorf("got %+v (%+v), %v", got, got.Graph, err)
			}
		})
	}
	t.Run("candles that are named beside a graph", func(t *testing.T) {
		c := c
		c.Graph, c.Candles = "mixed", "bars"
		got, err := open(t, c).Inputs(t.Context())
		if err != nil || got.Graph != nil || !reflect.DeepEqual(got.Candles, []string{"bars"}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a graph beside inputs of other services", func(t *testing.T) {
		c := c
		c.Graph, c.Inputs = "mixed", "bars,else,gone"
		got, err := open(t, c).Inputs(t.Context())
		if err != nil || !reflect.DeepEqual(got, Inputs{Graph: mixed}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
