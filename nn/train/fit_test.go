package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// fixture is a small simulated market and a model for it.
type fixture struct {
	thread       *torch.Thread
	dataset      *data.Dataset
	model        nn.Model
	task         nn.Task
	graphs       *train.Graphs
	train, valid []int
}

// newFixture fails the test if it leaves a native object.
func newFixture(t *testing.T, seed int64, edges bool) *fixture {
	t.Helper()
	market, _, err := source.Load(t.Context(), source.Config{
		Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:8", Interval: "5m", Lookback: "2d", Seed: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Build(market, data.Config{
		Recipe:       data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{dataset: d}
	for i, s := range d.Splits {
		switch s {
		case data.Train:
			f.train = append(f.train, i)
		case data.Valid:
			f.valid = append(f.valid, i)
		}
	}
	before := torch.LiveHandles()
	if f.thread, err = torch.NewThread(); err != nil {
		t.Fatal(err)
	}
	if f.task, err = nn.NewTask("direction"); err != nil {
		t.Fatal(err)
	}
	err = f.thread.Do(func() (err error) {
		torch.ManualSeed(seed)
		f.model, err = nn.New(torch.CPU, nn.Config{Type: "gcn", Features: d.NumFeatures(), Hidden: 16, Layers: 2, Outputs: 3, Dropout: 0.2})
		return err
	})
	if err == nil {
		f.graphs, err = train.NewGraphs(t.Context(), f.thread, d, torch.CPU, edges)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.graphs.Close(f.thread)
		_ = f.thread.Do(func() error { f.model.Close(); return nil })
		f.thread.Close()
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d native handles are left", left)
		}
	})
	return f
}

func (f *fixture) config(epochs int) train.Config {
	return train.Config{
		Epochs: epochs, BatchSize: 16, Seed: 3, ClipNorm: 1, Train: f.train, Valid: f.valid,
		Adam: torch.AdamConfig{LearningRate: 0.01},
	}
}

func (f *fixture) predict(t *testing.T, snapshots []int) train.Prediction {
	t.Helper()
	p, err := train.Predict(t.Context(), f.thread, f.model, f.task, f.graphs, snapshots)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheSameSeedGivesTheSameProbabilitiesToTheBit(t *testing.T) {
	var predictions [][]float32
	for _, seed := range []int64{1, 1, 2} {
		f := newFixture(t, seed, true)
		if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, f.config(3)); err != nil {
			t.Fatal(err)
		}
		predictions = append(predictions, f.predict(t, f.valid).Values)
	}
	if !slices.Equal(predictions[0], predictions[1]) {
		t.Error("one seed, two results")
	}
	if slices.Equal(predictions[0], predictions[2]) {
		t.Error("two seeds, one result")
	}
}

func TestTheWeightsOfTheBestEpochAreKept(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(40)
	c.Adam.LearningRate = 0.05 // overfits soon
	r, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c)
	if err != nil {
		t.Fatal(err)
	}
	best := slices.MinFunc(r.Epochs, func(a, b train.Epoch) int {
		if a.ValidLoss < b.ValidLoss {
			return -1
		}
		return 1
	})
	if r.BestEpoch != best.Number || r.BestEpoch == len(r.Epochs) {
		t.Fatalf("best epoch %d of %d, where %d has the least validation loss: the case must overfit", r.BestEpoch, len(r.Epochs), best.Number)
	}
	if got := f.predict(t, f.valid).Loss; got != best.ValidLoss {
		t.Errorf("the model kept has validation loss %v, the best epoch had %v", got, best.ValidLoss)
	}
	if first := r.Epochs[0].TrainLoss; !(best.TrainLoss < first) {
		t.Errorf("training loss went from %v to %v", first, best.TrainLoss)
	}
}

func TestPatienceEndsTheTraining(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(1000)
	c.Adam.LearningRate, c.Patience = 0.05, 3
	r, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.EarlyStop || len(r.Epochs) != r.BestEpoch+3 {
		t.Errorf("early stop %v after %d epochs, the best was %d", r.EarlyStop, len(r.Epochs), r.BestEpoch)
	}
}

func TestAStopEndsTheBatchAndKeepsTheBestWeightsSoFar(t *testing.T) {
	f := newFixture(t, 1, true)
	ctx, stop := context.WithCancel(t.Context())
	c := f.config(1000)
	batches := 0
	c.OnBatch = func(done, of int) {
		if batches++; batches == 2*of+3 { // within the third epoch
			stop()
		}
	}
	r, err := train.Fit(ctx, f.thread, f.model, f.task, f.graphs, c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || len(r.Epochs) != 2 || r.BestEpoch == 0 {
		t.Fatalf("%+v", r)
	}
	perEpoch := (len(f.train) + 15) / 16
	if batches != 2*perEpoch+3 {
		t.Errorf("%d batches were done, the stop came in number %d", batches, 2*perEpoch+3)
	}
	if got := f.predict(t, f.valid).Loss; got != r.Epochs[r.BestEpoch-1].ValidLoss {
		t.Errorf("the model kept has validation loss %v, epoch %d had %v", got, r.BestEpoch, r.Epochs[r.BestEpoch-1].ValidLoss)
	}
}

func TestAStopInTheFirstEpochKeepsTheWeightsAsTheyAre(t *testing.T) {
	f := newFixture(t, 1, true)
	before := f.predict(t, f.valid).Loss
	ctx, stop := context.WithCancel(t.Context())
	c := f.config(1000)
	c.OnBatch = func(done, _ int) {
		if done == 5 {
			stop()
		}
	}
	r, err := train.Fit(ctx, f.thread, f.model, f.task, f.graphs, c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || r.BestEpoch != 0 {
		t.Fatalf("%+v", r)
	}
	if after := f.predict(t, f.valid).Loss; after == before || math.IsNaN(after) {
		t.Errorf("validation loss was %v and is %v: five batches were learned", before, after)
	}
}

func TestALossThatIsNotFiniteIsAnErrorThatSaysWhere(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(5)
	c.Adam.LearningRate = 1e30
	_, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c)
	if !errors.Is(err, train.ErrNonFinite) {
		t.Fatalf("got %v", err)
	}
	var epoch, batch int
	if _, scan := fmt.Sscanf(err.Error(), "epoch %d, batch %d", &epoch, &batch); scan != nil {
		t.Errorf("%q does not say where", err)
	}
}

func TestWithoutEdgesNoNodeReceivesMessagesFromAnother(t *testing.T) {
	for _, edges := range []bool{true, false} {
		f := newFixture(t, 1, edges)
		if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, f.config(1)); err != nil {
			t.Fatal(err)
		}
		snapshot := f.dataset.Snapshot(f.valid[0])
		own := f.predict(t, f.valid[:1]).Values[:3]
		// The same node alone in a graph.
		var alone []float32
		err := f.thread.Do(func() error {
			s := torch.NewScope()
			defer s.Close()
			x := nn.Normalise(snapshot.X[:snapshot.NumFeatures], f.dataset.Mean, f.dataset.Std)
			g := nn.NewGraph(1, nil, nil)
			defer g.Close()
			b := nn.NewBatch(s.Float32s(x, 1, int64(snapshot.NumFeatures)), []*nn.Graph{g}, torch.CPU)
			defer b.Close()
			torch.NoGrad(func() {
				alone = torch.ReadFloat32s(f.task.Predict(s, f.model.Forward(s, b, false)))
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same := true
		for i := range own {
			same = same && math.Abs(float64(own[i]-alone[i])) < 1e-6
		}
		if same == edges {
			t.Errorf("with edges %v, node 0 is predicted %v among the others and %v alone", edges, own, alone)
		}
	}
}
