package result

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

func TestUndefinedMetricsAreNullAndComeBackAsNaN(t *testing.T) {
	var h History
	h.Add(1.25, math.Inf(1), math.NaN())
	b, err := Metrics{History: h}.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Metrics
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.History.TrainLoss[0] != 1.25 {
		t.Errorf("train loss %v, want 1.25", back.History.TrainLoss[0])
	}
	for _, v := range []evaluation.Float{back.History.ValidLoss[0], back.History.ValidAUC[0]} {
		if !math.IsNaN(float64(v)) {
			t.Errorf("got %v, want NaN", v)
		}
	}
	again, err := back.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, again) {
		t.Errorf("written again it is\n%s, was\n%s", again, b)
	}
}

func TestARunThatEndedBeforeItsFirstEpochHasEmptyLists(t *testing.T) {
	b, err := Metrics{}.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"format_version": 1`, `"epoch_seconds": []`, `"train_loss": []`, `"valid_loss": []`, `"valid_auc": []`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	if bytes.Contains(b, []byte("baseline\"")) {
		t.Error("a baseline that was not run is there")
	}
	if !bytes.HasSuffix(b, []byte("}\n")) {
		t.Error("no newline at the end")
	}
}

func TestATimingThatIsNoNumberIsRefused(t *testing.T) {
	if _, err := (Metrics{Timing: Timing{TotalSeconds: math.Inf(1)}}).JSON(); err == nil {
		t.Error("it was written")
	}
}

// Each value must be the same float32 whether a reader parses 32 bits, or
// parses 64 and rounds, as Python and numpy do.
func TestFloat32sParseBackToTheSameBits(t *testing.T) {
	values := Float32s{0, 1, -1, 0.1, 7.038531e-26, math.MaxFloat32, math.SmallestNonzeroFloat32, 1.17549435e-38}
	rng := rand.New(rand.NewPCG(9, 10))
	for len(values) < 10_000 {
		if v := math.Float32frombits(rng.Uint32()); finite(float64(v)) {
			values = append(values, v)
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	var narrow []float32
	var wide []float64
	for _, into := range []any{&narrow, &wide} {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range values {
		if narrow[i] != v || float32(wide[i]) != v {
			t.Errorf("%v comes back as %v and %v", v, narrow[i], float32(wide[i]))
		}
	}
}

func sampleMetadata() Metadata {
	return Metadata{
		ModelType: "gcn", ModelName: "market_gnn_v1", QueueID: "q-1", Symbol: "BTCUSDT",
		FeatureNames: []string{"log_return_1", "rsi_14"}, FeatureMean: Float32s{0.1, 50}, FeatureStd: Float32s{0.01, 1},
		LeftOut: []data.DroppedFeature{{Name: "spread", Reason: "no column best_bid"}},
		Symbols: []string{"BTCUSDT", "ETHUSDT"}, Interval: "5m", Horizon: 1, Task: "direction",
		Label:  LabelRule{DeadZone: 0.5, Rule: "up where ret > k * volatility"},
		Graph:  GraphRule{Window: 100, TopK: new(10), Returns: "raw", Density: 1},
		Hidden: 64, Layers: 2, Versions: Versions{GNNTrainer: "v1", Torch: "2.11.0", Go: "go1.26"},
	}
}

func TestMetadataIsTheSameBytesAndComesBackWhole(t *testing.T) {
	m := sampleMetadata()
	a, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("two writings differ")
	}
	if !bytes.Contains(a, []byte("ret > k")) {
		t.Errorf("the rule is escaped in\n%s", a)
	}
	var back Metadata
	if err := json.Unmarshal(a, &back); err != nil {
		t.Fatal(err)
	}
	m.FormatVersion, m.Classes = 1, []string{}
	if !reflect.DeepEqual(back, m) {
		t.Errorf("got %+v, want %+v", back, m)
	}
}

func TestMetadataThatContradictsItselfIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Metadata)
		says   string
	}{
		{"a mean too few", func(m *Metadata) { m.FeatureMean = m.FeatureMean[:1] }, "1 means"},
		{"no features", func(m *Metadata) { m.FeatureNames, m.FeatureMean, m.FeatureStd = nil, nil, nil }, "0 feature names"},
		{"a deviation of 0", func(m *Metadata) { m.FeatureStd[1] = 0 }, "rsi_14 has mean 50 and deviation 0"},
		{"a mean that is NaN", func(m *Metadata) { m.FeatureMean[0] = float32(math.NaN()) }, "log_return_1 has mean NaN"},
		{"a node twice", func(m *Metadata) { m.Symbols = []string{"BTCUSDT", "BTCUSDT"} }, "twice"},
		{"a symbol that is no node", func(m *Metadata) { m.Symbol = "XRPUSDT" }, "XRPUSDT is not among"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := sampleMetadata()
			c.change(&m)
			if _, err := m.JSON(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}

func TestSplitRangesSpanTheirSnapshots(t *testing.T) {
	splits := []data.Split{data.Train, data.Train, data.Gap, data.Valid, data.Gap, data.Test, data.Test, data.Live}
	times := []int64{0, 5, 10, 15, 20, 25, 30, 35}
	span := func(n int, first, last int64) Span { return Span{n, &first, &last} }
	for _, c := range []struct {
		name   string
		splits []data.Split
		times  []int64
		want   SplitRanges
	}{
		{"all parts", splits, times, SplitRanges{span(2, 0, 5), span(1, 15, 15), span(2, 25, 30), span(1, 35, 35), 2}},
		{"no time", splits, nil, SplitRanges{Span{Count: 2}, Span{Count: 1}, Span{Count: 2}, Span{Count: 1}, 2}},
		{"no snapshots", nil, nil, SplitRanges{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewSplitRanges(c.splits, c.times)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	if _, err := NewSplitRanges(splits, times[1:]); err == nil {
		t.Error("a missing open time was taken")
	}
	if _, err := NewSplitRanges(slices.Concat(splits, []data.Split{"future"}), nil); err == nil || !strings.Contains(err.Error(), `snapshot 8 has split "future"`) {
		t.Errorf("got %v", err)
	}
}

func TestTheRecipeOfMetadataBuildsThePanelOfTheRun(t *testing.T) {
	threshold := 0.15
	for name, recipe := range map[string]data.Recipe{
		"highest":   {GraphWindow: 40, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		"threshold": {GraphWindow: 60, EdgeTopK: 10, EdgeThreshold: &threshold, EdgeReturns: data.EdgeReturnsExcess},
		"market":    {Features: data.FeatureList{data.FeaturesMarket}, Reference: "ETHUSDT", GraphWindow: 60, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		"partial":   {Edges: "partial", GraphWindow: 40, EdgeTopK: 10, EdgeReturns: data.EdgeReturnsRaw, EdgeRidge: 0.3},
		"few":       {Edges: "partial,leadlag", GraphWindow: 40, EdgeTopK: 2, EdgeTopKGiven: true, EdgeEvery: 12, EdgeReturns: data.EdgeReturnsRaw, EdgeRidge: 0.2},
		"three":     {Edges: "correlation, partial,leadlag", GraphWindow: 40, EdgeTopK: 2, EdgeReturns: data.EdgeReturnsExcess, EdgeRidge: 0.2},
		"lasting":   {Edges: "correlation", GraphWindow: 40, EdgeTopK: 2, EdgeEvery: 36, EdgeReturns: data.EdgeReturnsRaw},
		"static":    {Edges: "partial,static", GraphWindow: 40, EdgeTopK: 2, EdgeReturns: data.EdgeReturnsRaw, EdgeRidge: 1, Static: []data.StaticEdge{{Source: "BTCUSDT", Target: "ETHUSDT", Weight: -0.1}}},
	} {
		t.Run(name, func(t *testing.T) {
			market, _, err := source.Load(t.Context(), source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:6", Interval: "5m", Lookback: "2d", Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			want, err := recipe.Build(market)
			if err != nil {
				t.Fatal(err)
			}
			m := Metadata{
				ModelType: "gcn", Symbol: want.Symbols[0], Symbols: want.Symbols, Interval: "5m", FeatureNames: want.Features, Reference: want.Reference,
				FeatureMean: make(Float32s, want.NumFeatures()), FeatureStd: slices.Repeat(Float32s{1}, want.NumFeatures()),
			}
			m.SetRecipe(recipe)
			text, err := m.JSON()
			if err != nil {
				t.Fatal(err)
			}
			var read Metadata
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			got, err := read.Recipe().Build(market)
			if err != nil {
				t.Fatal(err)
			}
			if want.Fingerprint() != got.Fingerprint() {
				t.Error("the panel has other bits")
			}
		})
	}
}

func TestTheNetworkOfMetadataIsThatOfTheRun(t *testing.T) {
	m := Metadata{
		ModelType: "gcnii", Symbol: "A", Symbols: []string{"A", "B"}, Interval: "5m", FeatureNames: []string{"x", "y"}, FeatureMean: Float32s{1, 2}, FeatureStd: Float32s{3, 4},
		FeatureLow: Float32s{-1, -1}, FeatureHigh: Float32s{1, 1}, Horizons: []int{1, 6}, Outputs: 3, Hidden: 16, Layers: 5, Norm: "layer", Residual: true, JumpingKnowledge: "cat", Alpha: 0.2, Theta: 0.7, Ensemble: 3,
	}
	text, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseMetadata(text)
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Config{Type: "gcnii", Features: 2, Hidden: 16, Layers: 5, Outputs: 6, Norm: "layer", Residual: true, Jump: "cat", Alpha: 0.2, Theta: 0.7, Members: 3}
	if got := read.Network(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s := read.Scaler(); s.Mean[1] != 2 || s.Std[0] != 3 || s.Low[0] != -1 || s.High[1] != 1 {
		t.Errorf("%+v", s)
	}
	m.JumpingKnowledge = NoHead
	if got := m.Network(); !got.Headless || got.Jump != catalog.JumpLast {
		t.Errorf("%+v", got)
	}
	for old, bad := range map[string]string{`"format_version": 1`: `"format_version": 2`, `"feature_std": [`: `"feature_sd": [`, "{": "["} {
		if _, err := ParseMetadata([]byte(strings.Replace(string(text), old, bad, 1))); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
