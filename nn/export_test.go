package nn

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// onThread runs f and fails the test if a native object is left.
func onThread(t *testing.T, f func() error) error {
	t.Helper()
	before := torch.LiveHandles()
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	err = thread.Do(f)
	thread.Close()
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d native handles are left", left)
	}
	return err
}

// sample is a random graph with a self-loop, an isolated node and a masked one.
func sample(nodes, features int) ExportOptions {
	random := rand.New(rand.NewPCG(1, 2))
	g := pyg.Data{NumNodes: nodes, NumFeatures: features, X: make([]float32, nodes*features)}
	for i := range g.X {
		g.X[i] = random.Float32()*20 - 10
	}
	var targets []int64
	for range 5 * nodes {
		g.EdgeIndex = append(g.EdgeIndex, random.Int64N(int64(nodes-1)))
		targets = append(targets, random.Int64N(int64(nodes-1)))
		g.EdgeWeight = append(g.EdgeWeight, random.Float32())
	}
	g.EdgeIndex = append(g.EdgeIndex, targets...)
	o := ExportOptions{Device: torch.CPU, Horizons: 1, Sample: g, Metadata: []byte("{}"), Scaler: data.Scaler{Mean: make([]float32, features), Std: make([]float32, features)}}
	for f := range features {
		o.Scaler.Mean[f], o.Scaler.Std[f] = random.Float32(), 1+random.Float32()
		o.Scaler.Low, o.Scaler.High = append(o.Scaler.Low, -0.5), append(o.Scaler.High, 0.25) // inside the sample's range
	}
	return o
}

// newModel builds a model on the CPU or ends the test.
func newModel(t *testing.T, c Config) Model {
	t.Helper()
	return newModelOn(t, torch.CPU, c)
}

func newModelOn(t *testing.T, d torch.Device, c Config) Model {
	t.Helper()
	m, err := New(d, c)
	if err != nil {
		t.Error(err)
		panic(err)
	}
	return m
}

// ofEachType calls f with a small network of each MODEL_TYPE.
func ofEachType(t *testing.T, f func(t *testing.T, c Config)) {
	for _, name := range catalog.Types() {
		t.Run(name, func(t *testing.T) {
			f(t, Config{Type: name, Features: 7, Hidden: 16, Layers: 2, Heads: 4, Outputs: 3, Dropout: 0.5})
		})
	}
}

func TestTheExportedModelIsTheTrainedOne(t *testing.T) {
	ofEachType(t, func(t *testing.T, c Config) {
		for _, layers := range []int{1, 2, 5} {
			c.Layers = layers
			err := onThread(t, func() error {
				m := newModel(t, c)
				defer m.Close()
				_, err := Export(m, sample(30, 7))
				return err
			})
			if err != nil {
				t.Errorf("%d layers: %v", layers, err)
			}
		}
	})
}

func TestAModelWithoutEdgesIgnoresThoseOfAGraph(t *testing.T) {
	ofEachType(t, func(t *testing.T, c Config) {
		err := onThread(t, func() error {
			m := newModel(t, c)
			defer m.Close()
			o := sample(30, 7)
			o.Isolated = true
			file, err := Export(m, o)
			if err != nil {
				return err
			}
			o.Isolated = false
			if listed, _ := catalog.Lookup(c.Type); listed.EdgeFree {
				return compare(m, file, o)
			}
			if err := compare(m, file, o); err == nil {
				t.Error("on this sample edges make no difference")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAnUnweightedGraphIsExportedWithToo(t *testing.T) {
	ofEachType(t, func(t *testing.T, c Config) {
		err := onThread(t, func() error {
			m := newModel(t, c)
			defer m.Close()
			o := sample(30, 7)
			o.Sample.EdgeWeight = nil
			_, err := Export(m, o)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAModelOfSeveralHorizonsIsExportedWithAnAxisForThem(t *testing.T) {
	err := onThread(t, func() error {
		m := newModel(t, Config{Type: "gcn", Features: 7, Hidden: 16, Layers: 2, Outputs: 6})
		defer m.Close()
		o := sample(30, 7)
		o.Horizons = 2
		file, err := Export(m, o)
		if err != nil {
			return err
		}
		s := torch.NewScope()
		defer s.Close()
		loaded := torch.LoadModule(file)
		defer loaded.Close()
		out := s.Forward(loaded, s.Float32s(o.Sample.X, 30, 7), s.Int64s(o.Sample.EdgeIndex, 2, int64(o.Sample.NumEdges())), Tensor{})
		if want := []int64{30, 2, 3}; !slices.Equal(out.Shape(), want) {
			t.Errorf("it gives %v, want %v", out.Shape(), want)
		}
		o.Horizons = 4
		if _, err := Export(m, o); err == nil {
			t.Error("6 outputs are taken for 4 horizons")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFileThatDiffersFromTheTrainedModelIsAnError(t *testing.T) {
	ofEachType(t, func(t *testing.T, c Config) {
		err := onThread(t, func() error {
			m, other := newModel(t, c), newModel(t, c)
			defer m.Close()
			defer other.Close()
			o := sample(30, 7)
			file, err := Export(other, o)
			if err != nil {
				return err
			}
			return compare(m, file, o)
		})
		if err == nil || !strings.Contains(err.Error(), "the exported model gives") {
			t.Errorf("got %v", err)
		}
	})
}

func TestMeansOfAnotherNumberOfFeaturesAreRejected(t *testing.T) {
	err := onThread(t, func() error {
		m := newModel(t, Config{Type: "gcn", Features: 7, Hidden: 4, Layers: 1, Outputs: 3})
		defer m.Close()
		_, err := Export(m, sample(30, 6))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "7 features with 6 means") {
		t.Errorf("got %v", err)
	}
}
