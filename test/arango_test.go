package test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
	"github.com/streamforge/gnn-trainer/test/lab"
)

type document = map[string]any

const (
	arangoUser, arangoPassword = "trainer", "canary-arango-81c2"

	june = 1717200000000 // 2024-06-01T00:00:00Z
	five = 300_000       // minutes, in ms
)

// database starts ArangoDB over TLS, and the variables of a run that uses it.
func database(t *testing.T, changes map[string]string) (s *arangodb.Server, vars map[string]string, result string) {
	t.Helper()
	s = arangodb.Start(t, arangodb.Options{User: arangoUser, Password: arangoPassword, TLS: true})
	s.CreateDatabase("market")
	vars, result = environment(t, map[string]string{
		"DATA_SOURCE": "", "SYMBOLS": "", "LOOKBACK": "", "BASELINE": "none",
		"ARANGO_URL": s.URL, "ARANGO_DB": "market", "ARANGO_USER": arangoUser, "ARANGO_PASSWORD": arangoPassword, "CA_PATH": s.CAPath,
	})
	for name, value := range changes {
		vars[name] = value
	}
	return s, vars, result
}

var coins = []string{"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"}

// walk is a price of each coin at each of n times.
func walk(n int) [][]float64 {
	random := rand.New(rand.NewPCG(7, 7))
	prices := make([][]float64, len(coins))
	for i := range prices {
		price := math.Pow(10, float64(i))
		for range n {
			price *= math.Exp(0.002 * random.NormFloat64())
			prices[i] = append(prices[i], price)
		}
	}
	return prices
}

// staticNodes are nodes that are up where p is high, with text as some loaders
// write numbers.
func staticNodes(n int) []document {
	random := rand.New(rand.NewPCG(1, 2))
	nodes := make([]document, n)
	for i := range nodes {
		p := random.NormFloat64()
		class := 1
		if p > 0.5 {
			class = 2
		} else if p < -0.5 {
			class = 0
		}
		nodes[i] = document{"_key": fmt.Sprintf("N%03d", i), "p": p, "q": fmt.Sprint(random.NormFloat64()), "y": class}
	}
	return nodes
}

// namedStatic writes a named graph.
func namedStatic(s *arangodb.Server, graph string) {
	nodes := staticNodes(150)
	s.CreateGraph("market", graph, nil, arangodb.EdgeDefinition{Collection: graph + "_e", From: []string{graph + "_v"}, To: []string{graph + "_v"}})
	for i, n := range nodes {
		s.Insert("market", graph+"_v", false, n)
		for k := 1; k <= 4; k++ {
			s.Insert("market", graph+"_e", true, document{"_from": graph + "_v/" + n["_key"].(string), "_to": fmt.Sprintf("%s_v/N%03d", graph, (i+k*k)%len(nodes)), "weight": 1 / float64(k)})
		}
	}
}

// mixedStatic writes one collection of nodes and edges, as StreamForge's own
// documents describe it.
func mixedStatic(s *arangodb.Server, collection string) {
	nodes := staticNodes(150)
	for i, n := range nodes {
		s.Insert("market", collection, false, document{"_key": n["_key"], "type": "node", "attributes": document{"p": n["p"], "q": n["q"]}, "label": n["y"]})
		for k := 1; k <= 4; k++ {
			s.Insert("market", collection, false, document{"type": "edge", "source": n["_key"], "target": fmt.Sprintf("N%03d", (i+k*k)%len(nodes)), "weight": fmt.Sprint(0.5 - float64(k)/8)})
		}
	}
}

// dynamic writes nodes of each coin at each time, and the edges between them.
func dynamic(s *arangodb.Server, graph string, mixed bool) {
	const times = 200
	vertices, edges, from, to := graph, graph, "source", "target" // only collections of edges keep _from and _to
	if !mixed {
		from, to = "_from", "_to"
		vertices, edges = graph+"_v", graph+"_e"
		s.CreateGraph("market", graph, nil, arangodb.EdgeDefinition{Collection: edges, From: []string{vertices}, To: []string{vertices}})
	}
	prices := walk(times)
	for t := range times {
		at := june + t*five
		key := func(i int) string { return fmt.Sprintf("%s_%d", coins[i%len(coins)], at) }
		for i, coin := range coins {
			change := 0.0
			if t > 0 {
				change = math.Log(prices[i][t] / prices[i][t-1])
			}
			if i == 3 && t == 50 {
				continue // a node that is missing
			}
			s.Insert("market", vertices, false, document{"_key": key(i), "type": "node", "symbol": coin, "open_time": at, "close": fmt.Sprint(prices[i][t]), "change": change, "hour": t / 12 % 24})
			s.Insert("market", edges, !mixed, document{"type": "edge", from: vertices + "/" + key(i), to: vertices + "/" + key(i+1), "weight": math.Sin(float64(t + i))})
		}
	}
}

// candles writes candles by symbol and day, with order books and funding rates.
func candles(s *arangodb.Server) (collections []string) {
	const times = 400
	for i, prices := range walk(times) {
		symbol := coins[i]
		for t, price := range prices {
			name := fmt.Sprintf("%s_candles_5m_2024_06_%02d", strings.ToLower(symbol), 1+t/288)
			if len(collections) == 0 || collections[len(collections)-1] != name {
				collections = append(collections, name)
			}
			at := june + t*five
			s.Insert("market", name, false, document{
				"open_time": at, "open": fmt.Sprint(price * 0.999), "high": price * 1.002, "low": price * 0.997, "close": price, "volume": fmt.Sprint(10 + t%7), "close_time": at + five - 1,
				"quote_asset_volume": price * 10, "number_of_trades": 100, "taker_buy_base_asset_volume": "5", "interval": "5m",
			})
			s.Insert("market", "orderbook", false, document{"symbol": symbol, "timestamp": at + five - 1000, "bids": [][]string{{fmt.Sprint(price * 0.9999), "2"}}, "asks": [][]string{{fmt.Sprint(price * 1.0001), fmt.Sprint(1 + t%3)}}})
			if t%96 == 0 {
				s.Insert("market", "funding", false, document{"symbol": symbol, "fundingTime": at, "fundingRate": "0.0001"})
			}
		}
		s.Insert("market", fmt.Sprintf("%s_candles_5m_2024_06_02", strings.ToLower(symbol)), false, document{ // as the last of the day before
			"open_time": june + 287*five, "open": fmt.Sprint(prices[287] * 0.999), "high": prices[287] * 1.002, "low": prices[287] * 0.997, "close": prices[287], "volume": fmt.Sprint(10 + 287%7),
			"quote_asset_volume": prices[287] * 10, "taker_buy_base_asset_volume": "5",
		})
	}
	return collections
}

func TestEachShapeOfDataInArangoDBTrainsToTheEnd(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct {
		name  string
		make  func(s *arangodb.Server, vars map[string]string)
		log   []string
		nodes int
	}{
		{"a named graph", func(s *arangodb.Server, vars map[string]string) {
			namedStatic(s, "btc_graph_5m_2024_06_01")
			vars["GRAPH_COLLECTION_NAME"], vars["SYMBOL"] = "btc_graph_5m_2024_06_01", "N000"
		}, []string{`"dynamic":false`, `"edges":600`}, 150},
		{"one collection of nodes and edges", func(s *arangodb.Server, vars map[string]string) {
			mixedStatic(s, "prepared_graph_data")
			vars["GRAPH_NAME"], vars["SYMBOL"] = "prepared_graph_data", "N000"
		}, []string{`"dynamic":false`, `"edges":600`}, 150},
		{"a dynamic named graph", func(s *arangodb.Server, vars map[string]string) {
			dynamic(s, "dynamic", false)
			vars["GRAPH_COLLECTION"] = "dynamic"
		}, []string{`"dynamic":true`, `"edges_to_nowhere":1`, `"features":"close","reasons":"labels are made of it, and a price says nothing across symbols"`}, len(coins)},
		{"a dynamic collection of nodes and edges", func(s *arangodb.Server, vars map[string]string) {
			dynamic(s, "dynamic", true)
			vars["COLLECTION_INPUTS"] = "dynamic"
			vars["LOOKBACK"] = "12h"
		}, []string{`"dynamic":true`}, len(coins)},
		{"candles with order books and funding", func(s *arangodb.Server, vars map[string]string) {
			vars["CANDLES_COLLECTION"] = strings.Join(candles(s), ",")
			vars["ORDERBOOK_COLLECTION"], vars["FUNDING_COLLECTION"] = "orderbook", "funding"
		}, []string{`"bars":400`, `"duplicates":5`, `"features":14`}, len(coins)},
		{"inputs that are sorted here", func(s *arangodb.Server, vars map[string]string) {
			vars["COLLECTION_INPUTS"] = strings.Join(append(candles(s), "orderbook", "funding"), ",")
			vars["GRAPH_WAIT"], vars["SYMBOLS"], vars["TIME_RANGE"] = "1m", "top:4", "2024-06-01:2024-06-02"
		}, []string{`"bars":288`, `"features":14`}, 4},
	} {
		t.Run(shape.name, func(t *testing.T) {
			s, vars, result := database(t, nil)
			shape.make(s, vars)
			e := run(t, vars)
			e.mustEnd(t, "finished", 0)
			for _, words := range shape.log {
				if !strings.Contains(e.stderr, words) {
					t.Errorf("the log does not say %s:\n%s", words, e.stderr)
				}
			}
			if strings.Contains(e.stderr, arangoPassword) {
				t.Error("the log shows the password")
			}
			var metadata struct{ Symbols []string }
			content, err := os.ReadFile(filepath.Join(result, "metadata.json"))
			if err == nil {
				err = json.Unmarshal(content, &metadata)
			}
			if err != nil || len(metadata.Symbols) != shape.nodes {
				t.Errorf("%d nodes, want %d: %v", len(metadata.Symbols), shape.nodes, err)
			}
			if shape.nodes < 100 { // a market's: those of a graph without time are other files
				consume(t, result)
			}
		})
	}
}

func TestARunWaitsForItsGraphAndSaysSo(t *testing.T) {
	t.Parallel()
	s, vars, _ := database(t, map[string]string{"GRAPH_COLLECTION_NAME": "late", "GRAPH_WAIT": "5m", "SYMBOL": "N000"})
	p := start(t, vars)
	p.await("word of the wait", func(e event) bool {
		return e.Status == "loading" && strings.HasPrefix(e.Message, "Waiting until ") && strings.HasSuffix(e.Message, ": late is neither a named graph nor a collection in ARANGO_DB=market")
	})
	mixedStatic(s, "late")
	p.end().mustEnd(t, "finished", 0)
}

func TestARunThatArangoDBRefusesEndsAtOnceAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"a wrong password", map[string]string{"ARANGO_PASSWORD": arangoPassword + "x"}, "rejects ARANGO_PASSWORD of ARANGO_USER=trainer: correct one of the two"},
		{"an unknown database", map[string]string{"ARANGO_DB": "markt"}, "ARANGO_DB=markt is no database of ArangoDB at"},
		{"no authority", map[string]string{"CA_PATH": ""}, "set CA_PATH to the PEM file of the one that signed it"},
		{"no such graph", map[string]string{"GRAPH_COLLECTION_NAME": "gone"}, "gone is neither a named graph nor a collection in ARANGO_DB=market: correct the name, or set GRAPH_WAIT to wait for it"},
		{"no label", map[string]string{"GRAPH_COLLECTION_NAME": "unlabelled"}, "no node of graph unlabelled has a label (y, label or target): give the nodes one, 0 (down), 1 (flat) or 2 (up)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, vars, _ := database(t, map[string]string{"GRAPH_COLLECTION_NAME": "g", "GRAPH_WAIT": "0s"})
			mixedStatic(s, "g")
			s.Insert("market", "unlabelled", false, document{"_key": "a", "type": "node", "p": 1}, document{"type": "edge", "source": "a", "target": "a"})
			for name, value := range c.changes {
				if vars[name] = value; value == "" {
					delete(vars, name)
				}
			}
			e := run(t, vars)
			e.mustEnd(t, "error", 2)
			if m := e.last(t).Message; !strings.Contains(m, c.want) || strings.Contains(m, arangoPassword) {
				t.Errorf("it said %s, want %s", m, c.want)
			}
		})
	}
}

func TestAGraphThatIsSavedIsTheOneOfGraphPt(t *testing.T) {
	t.Parallel()
	clients, err := filepath.Abs(filepath.Join("..", "build", "arango-venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	lab.Need(t, clients, "run `make arango-clients`")
	s, vars, result := database(t, map[string]string{"DATA_SOURCE": "simulated", "SYMBOLS": "top:12", "LOOKBACK": "6d", "GRAPH_SAVE": "newest"})
	if !s.InOrder() {
		t.Skip("a cluster answers: the adapter needs documents in the order of their writing")
	}
	s.Fail("/_api/import", 1, http.StatusServiceUnavailable)
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	cmd := exec.CommandContext(t.Context(), clients, filepath.Join("..", "data", "arango", "testdata", "reads_back.py"), s.URL, arangoUser, arangoPassword, s.CAPath, "market", "newest", filepath.Join(result, "graph.pt"))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("PyG's adapter reads another graph: %v\n%s", err, out)
	}
}
