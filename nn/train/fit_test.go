package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// fixture is a small simulated market.
type fixture struct {
	thread       *torch.Thread
	device       torch.Device
	dataset      *data.Dataset
	task         nn.Task
	train, valid []int
}

// newFixture fails the test if it leaves a native object.
func newFixture(t *testing.T, horizons ...int) *fixture {
	t.Helper()
	market, _, err := source.Load(t.Context(), source.Config{
		Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:8", Interval: "5m", Lookback: "2d", Seed: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Build(market, data.Config{
		Recipe:       data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: append(data.Horizons{1}, horizons...)},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{dataset: d, train: d.Snapshots(data.Train), valid: d.Snapshots(data.Valid)}
	before := torch.LiveHandles()
	if f.thread, err = torch.NewThread(); err != nil {
		t.Fatal(err)
	}
	f.device = torchtest.Device(t, f.thread)
	if f.task, err = nn.NewTask("direction"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.thread.Close()
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d native handles have leaked", left)
		}
	})
	return f
}

// network is a small one, trained for so many epochs.
func (f *fixture) network(epochs int) *train.Network {
	return &train.Network{
		Thread: f.thread, Device: f.device, Task: f.task, Model: nn.Config{Type: "gcn", Hidden: 16, Layers: 2, Dropout: 0.2},
		Config: train.Config{Epochs: epochs, BatchSize: 16, Seed: 3, ClipNorm: 1, Adam: torch.AdamConfig{LearningRate: 0.01}},
	}
}

// fit closes the predictor with the test.
func (f *fixture) fit(ctx context.Context, t *testing.T, m train.Method) (train.Predictor, train.Result) {
	t.Helper()
	p, r, err := m.Fit(ctx, f.dataset)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, r
}

func (f *fixture) predict(t *testing.T, p train.Predictor, snapshots []int) []float32 {
	t.Helper()
	out, err := p.Predict(t.Context(), f.dataset.Panel, snapshots)
	if err != nil {
		t.Fatal(err)
	}
	return out.Values
}

// loss is the mean cross-entropy of the first horizon over the labelled nodes.
func (f *fixture) loss(t *testing.T, p train.Predictor, snapshots []int) float64 {
	t.Helper()
	values, sum, count := f.predict(t, p, snapshots), 0.0, 0
	horizons := f.dataset.Targets.NumHorizons()
	for _, s := range snapshots {
		class, _ := f.dataset.Targets.At(s)
		for at := 0; at < len(class); at += horizons {
			if c := class[at]; c != pyg.Unlabelled {
				sum -= math.Log(float64(values[3*at+int(c)]))
				count++
			}
		}
		values = values[3*len(class):]
	}
	return sum / float64(count)
}

// near is as far as float32 sums in another order may differ.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-5 }

func TestTheSameSeedGivesTheSameProbabilitiesToTheBit(t *testing.T) {
	f := newFixture(t)
	var predictions [][]float32
	for _, seed := range []int64{1, 1, 2} {
		n := f.network(3)
		n.Seed = seed
		p, _ := f.fit(t.Context(), t, n)
		predictions = append(predictions, f.predict(t, p, f.valid))
	}
	if !slices.Equal(predictions[0], predictions[1]) {
		t.Error("one seed, two results")
	}
	if slices.Equal(predictions[0], predictions[2]) {
		t.Error("two seeds, one result")
	}
}

func TestTheWeightsOfTheBestEpochAreKept(t *testing.T) {
	f := newFixture(t)
	c := f.network(40)
	c.Adam.LearningRate = 0.05 // overfits soon
	p, r := f.fit(t.Context(), t, c)
	best := slices.MinFunc(r.Epochs, func(a, b train.Epoch) int {
		if a.ValidLoss < b.ValidLoss {
			return -1
		}
		return 1
	})
	if r.BestEpoch != best.Number || r.BestEpoch == len(r.Epochs) {
		t.Fatalf("best epoch %d of %d, where %d has the least validation loss: the case must overfit", r.BestEpoch, len(r.Epochs), best.Number)
	}
	if got := f.loss(t, p, f.valid); !near(got, best.ValidLoss) {
		t.Errorf("the model kept has validation loss %v, the best epoch had %v", got, best.ValidLoss)
	}
	if first := r.Epochs[0].TrainLoss; !(best.TrainLoss < first) {
		t.Errorf("training loss went from %v to %v", first, best.TrainLoss)
	}
}

func TestPatienceEndsTheTraining(t *testing.T) {
	f := newFixture(t)
	c := f.network(1000)
	c.Adam.LearningRate, c.Patience = 0.05, 3
	_, r := f.fit(t.Context(), t, c)
	if !r.EarlyStop || len(r.Epochs) != r.BestEpoch+3 {
		t.Errorf("early stop %v after %d epochs, the best was %d", r.EarlyStop, len(r.Epochs), r.BestEpoch)
	}
}

func TestAStopEndsTheBatchAndKeepsTheBestWeightsSoFar(t *testing.T) {
	f := newFixture(t)
	ctx, stop := context.WithCancel(t.Context())
	c := f.network(1000)
	batches := 0
	c.OnBatch = func(_, of int) {
		if batches++; batches == 2*of+3 { // within the third epoch
			stop()
		}
	}
	p, r := f.fit(ctx, t, c)
	if !r.Interrupted || len(r.Epochs) != 2 || r.BestEpoch == 0 {
		t.Fatalf("%+v", r)
	}
	perEpoch := (len(f.train) + 15) / 16
	// On a CUDA device some batches have been queued by then.
	if late := batches - (2*perEpoch + 3); late != 0 && (f.device == torch.CPU || late >= 8) {
		t.Errorf("%d batches were done, the stop came in number %d", batches, 2*perEpoch+3)
	}
	if got := f.loss(t, p, f.valid); !near(got, r.Epochs[r.BestEpoch-1].ValidLoss) {
		t.Errorf("the model kept has validation loss %v, epoch %d had %v", got, r.BestEpoch, r.Epochs[r.BestEpoch-1].ValidLoss)
	}
}

func TestAStopInTheFirstEpochKeepsTheWeightsAsTheyAre(t *testing.T) {
	f := newFixture(t)
	untrained, _ := f.fit(t.Context(), t, f.network(0))
	before := f.loss(t, untrained, f.valid)
	ctx, stop := context.WithCancel(t.Context())
	c := f.network(1000)
	c.OnBatch = func(done, _ int) {
		if done == 5 {
			stop()
		}
	}
	p, r := f.fit(ctx, t, c)
	if !r.Interrupted || r.BestEpoch != 0 {
		t.Fatalf("%+v", r)
	}
	if after := f.loss(t, p, f.valid); near(after, before) || math.IsNaN(after) {
		t.Errorf("validation loss was %v and is %v: five batches were learned", before, after)
	}
}

func TestALossThatIsNotFiniteIsAnErrorThatSaysWhere(t *testing.T) {
	f := newFixture(t)
	c := f.network(5)
	c.Adam.LearningRate = 1e30
	_, _, err := c.Fit(t.Context(), f.dataset)
	if !errors.Is(err, train.ErrNonFinite) {
		t.Fatalf("got %v", err)
	}
	var epoch, batch int
	if _, scan := fmt.Sscanf(err.Error(), "epoch %d, batch %d", &epoch, &batch); scan != nil {
		t.Errorf("%q does not say where", err)
	}
}

func TestATwinWithoutEdgesReceivesNoMessages(t *testing.T) {
	f := newFixture(t)
	// The same nodes in a panel whose edges are others: each node has one, to the next.
	other, err := data.FromSnapshots(f.ring(t), data.Config{
		Recipe: data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw}, TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig: data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, isolated := range []bool{false, true} {
		n := f.network(1)
		n.Isolated = isolated
		p, _ := f.fit(t.Context(), t, n)
		own := f.predict(t, p, f.valid[:1])
		out, err := p.Predict(t.Context(), other.Panel, f.valid[:1])
		if err != nil {
			t.Fatal(err)
		}
		if same := slices.Equal(own, out.Values); same != isolated {
			t.Errorf("isolated %v, and other edges give the same predictions: %v", isolated, same)
		}
	}
}

func TestATwinWithShuffledEdgesTrainsOnRewiredOnes(t *testing.T) {
	f := newFixture(t)
	given := f.withEdges(t, f.dataset.Edges)
	n := f.network(3)
	n.Shuffled = true
	p, _ := given.fit(t.Context(), t, n)
	shuffled := given.predict(t, p, f.valid)
	plain, _ := given.fit(t.Context(), t, f.network(3))
	if slices.Equal(shuffled, given.predict(t, plain, f.valid)) {
		t.Error("the edges are those of the model")
	}
	r := data.NewRewiring(f.dataset.NumNodes(), n.Seed)
	rewired := f.withEdges(t, func(at int) data.Edges { return r.Edges(f.dataset.Edges(at), f.dataset.Mask(at)) })
	same, _ := rewired.fit(t.Context(), t, f.network(3))
	if !slices.Equal(shuffled, rewired.predict(t, same, f.valid)) {
		t.Error("it predicts other than a network trained on the rewired snapshots")
	}
}

// withEdges is the fixture with other edges.
func (f *fixture) withEdges(t *testing.T, edges func(at int) data.Edges) *fixture {
	t.Helper()
	s := f.ring(t)
	for at := range s.Edges {
		s.Edges[at] = edges(at)
	}
	d, err := data.FromSnapshots(s, data.Config{
		Recipe: data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw}, TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig: data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	other := *f
	other.dataset = d
	return &other
}

// ring is the panel's snapshots with other edges.
func (f *fixture) ring(t *testing.T) *data.Snapshots {
	t.Helper()
	d := f.dataset
	n := d.NumNodes()
	s := &data.Snapshots{Symbols: d.Symbols, Features: d.Features, Interval: d.Axis.Interval, Times: d.OpenTimes()}
	for at := range d.Panel.Len() {
		class, _ := d.Targets.At(at)
		s.X, s.Mask, s.Y = append(s.X, d.X(at)...), append(s.Mask, d.Mask(at)...), append(s.Y, class...)
		e := data.Edges{RowPtr: make([]int32, n+1)}
		for i := range n {
			e.RowPtr[i+1] = int32(i + 1)
			e.Sources = append(e.Sources, int32((i+1)%n))
		}
		s.Edges = append(s.Edges, e)
	}
	return s
}

func TestAPredictorOfStoredWeightsPredictsTheSameBits(t *testing.T) {
	f := newFixture(t, 3)
	p, _ := f.fit(t.Context(), t, f.network(2))
	_, weights, err := p.(train.Exporter).Export([]byte("{}"), f.dataset.Snapshot(0))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := pyg.Save(&file, weights); err != nil {
		t.Fatal(err)
	}
	c := nn.Config{Type: "gcn", Features: f.dataset.NumFeatures(), Hidden: 16, Layers: 2, Outputs: 6}
	loaded, err := train.LoadNetwork(f.thread, f.device, c, f.task, f.dataset.Scaler, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if !slices.Equal(f.predict(t, p, f.valid), f.predict(t, loaded, f.valid)) {
		t.Error("the loaded predictor gives other bits")
	}
	c.Hidden = 8
	if _, err := train.LoadNetwork(f.thread, f.device, c, f.task, f.dataset.Scaler, file.Bytes()); err == nil || !strings.Contains(err.Error(), "convs.0.bias has shape [16] where the model has [8]") {
		t.Errorf("weights of another model: %v", err)
	}
}

// A bar that is predicted as it closes has the numbers that a training's
// predictions of all bars have.
func TestASnapshotAloneIsPredictedAsAmongOthersToTheBit(t *testing.T) {
	f := newFixture(t, 3)
	for _, c := range []nn.Config{
		{Type: "gcn", Hidden: 64, Layers: 2},
		{Type: "gatv2", Hidden: 16, Layers: 2, Heads: 4},
		{Type: "sage", Hidden: 16, Layers: 2},
		{Type: "gcnii", Hidden: 16, Layers: 2, Alpha: 0.1, Theta: 0.5},
		{Type: "attention", Hidden: 64, Layers: 2, Heads: 4},
		{Type: "none", Hidden: 16, Layers: 2},
		{Type: "peer", Hidden: 32, Layers: 1, Encoder: "tcn", Window: 9, Members: 2},
		{Type: "gcn", Hidden: 16, Layers: 1, Encoder: "gru", Window: 9},
		{Type: "sage", Hidden: 16, Layers: 1, Encoder: "mlp", Window: 9},
	} {
		n := f.network(1)
		n.Model = c
		p, _ := f.fit(t.Context(), t, n)
		all := make([]int, f.dataset.Len())
		for i := range all {
			all[i] = len(all) - 1 - i
		}
		together := f.predict(t, p, all)
		p.(train.Releaser).Release() // from now on what it needs is copied
		width := len(together) / len(all)
		for _, k := range []int{0, 1, 17, 100, 301} {
			if alone := f.predict(t, p, all[k:k+1]); !slices.Equal(alone, together[k*width:(k+1)*width]) {
				t.Errorf("%s with encoder %q: snapshot %d alone has other bits", c.Type, c.Encoder, all[k])
			}
		}
	}
}

func TestSeveralHorizonsAreLearnedTogether(t *testing.T) {
	f := newFixture(t, 6, 12)
	c := f.network(30)
	p, r := f.fit(t.Context(), t, c)
	if first, last := r.Epochs[0].TrainLoss, r.Epochs[len(r.Epochs)-1].TrainLoss; !(last < first) {
		t.Errorf("training loss went from %v to %v", first, last)
	}
	// Early stopping goes by the first horizon.
	if got := f.loss(t, p, f.valid); !near(got, r.Epochs[r.BestEpoch-1].ValidLoss) {
		t.Errorf("the first horizon has a validation loss of %v, and the best epoch had %v", got, r.Epochs[r.BestEpoch-1].ValidLoss)
	}
	out, err := p.Predict(t.Context(), f.dataset.Panel, f.valid[:2])
	if err != nil || out.Horizons != 3 || out.Columns != 3 || len(out.Values) != 2*f.dataset.NumNodes()*9 {
		t.Errorf("%d values of %d horizons and %d columns, %v", len(out.Values), out.Horizons, out.Columns, err)
	}
}
