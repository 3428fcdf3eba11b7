//go:build !race

// The race detector multiplies the memory and the time of what is measured here.

package arango

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/test/arangodb"
)

const (
	// mostMemory of a process that reads a million documents, in MB: the issue's
	// bound is 600.
	mostMemory = 600
)

// What the process that reads is told in its environment: what it reads, and
// where. The server's memory is its parent's, and does not count.
const (
	readerOf = "GNN_ARANGO_CHILD_READS"
	childURL = "GNN_ARANGO_CHILD_URL"
)

// scale is how many documents: a million for `make bench-data`, whose figures the docs have, and
// fewer in each run of the tests.
var scale = 100_000

func init() {
	if os.Getenv("GNN_SCALE") != "" {
		scale = 1_000_000
	}
}

func TestAMillionDocumentsAreReadInBoundedMemory(t *testing.T) {
	if os.Getenv(readerOf) != "" {
		reader(t)
		return
	}
	if testing.Short() {
		t.Skip("-short: many documents")
	}
	s, c := serve(t, arangodb.Options{})
	const nodes = 10_000
	for i := range nodes {
		s.Insert("market", "static_v", false, json.RawMessage(fmt.Sprintf(`{"_key":"n%d","p":%d,"q":"%v","y":%d}`, i, i, float64(i)/7, i%3)))
	}
	for i := range scale {
		s.Insert("market", "static_e", true, json.RawMessage(fmt.Sprintf(`{"_from":"static_v/n%d","_to":"static_v/n%d","weight":%v}`, i%nodes, (i/nodes*37+i)%nodes, float64(i)/1e6)))
	}
	s.CreateGraph("market", "static", nil, arangodb.EdgeDefinition{Collection: "static_e", From: []string{"static_v"}, To: []string{"static_v"}})
	for i := range scale {
		s.Insert("market", "candles", false, json.RawMessage(fmt.Sprintf(`{"symbol":"S%d","open_time":%d,"open":"1.5","high":2.5,"low":1,"close":%v,"volume":"10","interval":"5m"}`, i%100, noon+int64(i/100)*300_000, 1+float64(i%1000)/1000)))
	}
	for i := range scale {
		at := noon + int64(i/500)*300_000
		s.Insert("market", "dynamic_v", false, json.RawMessage(fmt.Sprintf(`{"_key":"S%d_%d","symbol":"S%d","open_time":%d,"close":"%d.5","a":%v,"b":"%v","c":1.25,"d":-3,"e":0.001}`, i%500, at, i%500, at, 1+i%500, float64(i%1000)/1000, float64(i%777)/10)))
		if i%100 == 0 {
			s.Insert("market", "dynamic_e", true, json.RawMessage(fmt.Sprintf(`{"_from":"dynamic_v/S%d_%d","_to":"dynamic_v/S1_%d","weight":0.5}`, i%500, at, at)))
		}
	}
	s.CreateGraph("market", "dynamic", nil, arangodb.EdgeDefinition{Collection: "dynamic_e", From: []string{"dynamic_v"}, To: []string{"dynamic_v"}})
	for _, what := range []string{"static", "dynamic", "candles"} {
		t.Run(what, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAMillionDocumentsAreReadInBoundedMemory$", "-test.v")
			cmd.Env = append(os.Environ(), readerOf+"="+what, childURL+"="+c.URL)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, said, _ := strings.Cut(string(out), "measured: ")
			said, _, _ = strings.Cut(said, "\n")
			var megabytes int
			var seconds float64
			if _, err := fmt.Sscanf(said, "%d MB, %f s", &megabytes, &seconds); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			t.Logf("%s: %d MB at most, %.1f s", what, megabytes, seconds)
			if megabytes > mostMemory {
				t.Errorf("the reading took %d MB, and %d are allowed", megabytes, mostMemory)
			}
			if s.MaxBatch() > batchDocuments {
				t.Errorf("%d documents came at once", s.MaxBatch())
			}
		})
	}
}

// reader is the process that reads.
func reader(t *testing.T) {
	c := Config{URL: os.Getenv(childURL), Database: "market", User: testUser, Password: secret.String(testPassword), Graph: "static"}
	begun := time.Now()
	d := open(t, c)
	switch os.Getenv(readerOf) {
	case "dynamic":
		d.cfg.Graph = "dynamic"
		g, r, err := readGraph(t.Context(), d, Choice{Interval: 5 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if r.Nodes != scale || len(g.Snapshots.Times) != scale/500 {
			t.Fatalf("%+v", r)
		}
	case "static":
		g, r, err := readGraph(t.Context(), d, Choice{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Edges != scale || g.File.Data.NumEdges() != scale {
			t.Fatalf("%+v", r)
		}
	default:
		origins, read, sum := &Origins{}, 0, 0.0
		var kept [][8]float64 // what a market's series take
		err := d.Candles(t.Context(), []string{"candles"}, Reading{Interval: "5m"}, origins, func(_ int, c Candle) error {
			read++
			sum += c.Close
			kept = append(kept, [8]float64{c.Open, c.High, c.Low, c.Close, c.Volume, c.TakerBuyVolume, c.QuoteVolume})
			return nil
		})
		if err != nil || read != scale || len(kept) != scale {
			t.Fatalf("%d, %v", read, err)
		}
	}
	fmt.Printf("measured: %d MB, %.2f s\n", peakMemory(t), time.Since(begun).Seconds())
}

// peakMemory is the most that this process has had resident, in MB.
func peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skipf("the memory of a process cannot be read here: %v", err)
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n >> 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
