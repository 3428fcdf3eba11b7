package nn

import (
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// two are graphs of 2 and 1 nodes: 0 -> 1 with weight 2, and a loop of weight 3.
func two() []*Graph {
	return []*Graph{
		NewGraph(2, []bool{true, false}, func() Edges { return NewEdges(2, []int64{0, 1}, []float32{2}) }),
		NewGraph(1, nil, func() Edges { return NewEdges(1, []int64{0, 0}, []float32{3}) }),
	}
}

func TestABatchJoinsItsSnapshotsAsSeparateParts(t *testing.T) {
	graphs := two()
	b := NewBatch(Tensor{}, []*Graph{graphs[1], graphs[0], graphs[1]}, torch.CPU)
	if want := []int{0, 1, 3, 4}; !slices.Equal(b.Offsets, want) {
		t.Errorf("offsets %v, want %v", b.Offsets, want)
	}
	if want := []bool{true, true, false, true}; !slices.Equal(b.Mask(), want) {
		t.Errorf("mask %v, want %v", b.Mask(), want)
	}
	e := b.Edges()
	if want := []int64{0, 1, 3, 0, 2, 3}; !slices.Equal(e.Index(), want) {
		t.Errorf("edges %v, want %v", e.Index(), want)
	}
	if want := []float32{3, 2, 3}; !slices.Equal(e.Weight, want) {
		t.Errorf("weights %v, want %v", e.Weight, want)
	}
}

func TestAFormIsDerivedOnceAGraphAndJoinedOnceABatch(t *testing.T) {
	derived, joined := 0, 0
	form := &Form[*torch.Adjacency]{
		Derive: func(g *Graph) *torch.Adjacency {
			derived++
			e := g.Edges()
			return torch.NewAdjacency(g.Nodes, e.Index(), e.Weight)
		},
		Join: func(parts []*torch.Adjacency, d torch.Device) *torch.Adjacency {
			joined++
			return torch.CatAdjacency(parts, d)
		},
	}
	err := onThread(t, func() error {
		graphs := two()
		defer graphs[0].Close()
		defer graphs[1].Close()
		for range 3 {
			b := NewBatch(Tensor{}, graphs, torch.CPU)
			s := torch.NewScope()
			first := form.Of(b)
			if form.Of(b) != first {
				t.Error("a batch gives two of one form")
			}
			got := torch.ReadFloat32s(s.Matmul(first, s.Float32s([]float32{1, 10, 100}, 3, 1)))
			if want := []float32{0, 2, 300}; !slices.Equal(got, want) {
				t.Errorf("A x is %v, want %v", got, want)
			}
			s.Close()
			b.Close()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if derived != 2 || joined != 3 {
		t.Errorf("derived %d times for 2 graphs, joined %d times for 3 batches", derived, joined)
	}
}

func TestEdgesWhoseRowsDoNotFitAreAnError(t *testing.T) {
	err := onThread(t, func() error {
		NewGraph(3, nil, func() Edges { return NewEdges(2, []int64{0, 1}, nil) }).Edges()
		return nil
	})
	if err == nil {
		t.Error("2 rows are taken for 3 nodes")
	}
}

func TestEdgesKeepTheirOrderWithinATarget(t *testing.T) {
	e := NewEdges(3, []int64{2, 1, 0, 1, 0, 2, 0, 0}, []float32{1, 2, 3, 4})
	if want := []int64{2, 0, 1, 1, 0, 0, 0, 2}; !slices.Equal(e.Index(), want) {
		t.Errorf("got %v, want %v", e.Index(), want)
	}
	if want := []float32{1, 3, 4, 2}; !slices.Equal(e.Weight, want) {
		t.Errorf("got %v, want %v", e.Weight, want)
	}
}
