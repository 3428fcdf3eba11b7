package nn

import (
	"math/rand/v2"
	"strings"
	"testing"

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
	o := ExportOptions{Sample: g, Metadata: []byte("{}"), Mean: make([]float32, features), Std: make([]float32, features)}
	for f := range features {
		o.Mean[f], o.Std[f] = random.Float32(), 1+random.Float32()
	}
	return o
}

func TestTheExportedModelIsTheTrainedOne(t *testing.T) {
	for _, layers := range []int{1, 2, 5} {
		err := onThread(t, func() error {
			m := NewGCN(torch.CPU, GCNConfig{Features: 7, Hidden: 16, Layers: layers, Classes: 3, Dropout: 0.5})
			defer m.Close()
			_, err := m.Export(sample(30, 7))
			return err
		})
		if err != nil {
			t.Errorf("%d layers: %v", layers, err)
		}
	}
}

func TestAnUnweightedGraphIsExportedWithToo(t *testing.T) {
	err := onThread(t, func() error {
		m := NewGCN(torch.CPU, GCNConfig{Features: 7, Hidden: 16, Layers: 2, Classes: 3})
		defer m.Close()
		o := sample(30, 7)
		o.Sample.EdgeWeight = nil
		_, err := m.Export(o)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFileThatSaysOtherThanTheTrainedModelIsAnError(t *testing.T) {
	err := onThread(t, func() error {
		config := GCNConfig{Features: 7, Hidden: 16, Layers: 2, Classes: 3}
		m, other := NewGCN(torch.CPU, config), NewGCN(torch.CPU, config)
		defer m.Close()
		defer other.Close()
		o := sample(30, 7)
		file, err := other.Export(o)
		if err != nil {
			return err
		}
		return m.compare(file, o)
	})
	if err == nil || !strings.Contains(err.Error(), "the exported model gives") {
		t.Errorf("got %v", err)
	}
}

func TestMeansOfAnotherNumberOfFeaturesAreRefused(t *testing.T) {
	err := onThread(t, func() error {
		m := NewGCN(torch.CPU, GCNConfig{Features: 7, Hidden: 4, Layers: 1, Classes: 3})
		defer m.Close()
		_, err := m.Export(sample(30, 6))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "7 features with 6 means") {
		t.Errorf("got %v", err)
	}
}
