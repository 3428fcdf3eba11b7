// Package train learns from datasets and predicts. A data.Dataset enters a
// Method; a Predictor leaves, and what happened on the way. It writes no file
// and emits no event: hooks do. It knows neither a model nor a task by name.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// ErrNonFinite marks a loss, a gradient or a weight that is infinite or not a
// number: the run ends, since nothing that is learned from it would be true.
var ErrNonFinite = fault.Input("the training diverged").Fix("lower LEARNING_RATE or WEIGHT_DECAY")

// diverged is an ErrNonFinite that names the values.
func diverged(format string, a ...any) error {
	return fault.Input("%w: "+format, append([]any{ErrNonFinite}, a...)...)
}

// Config is how a model is fitted.
type Config struct {
	Epochs    int
	BatchSize int // snapshots
	Patience  int // epochs without a better validation before the end; 0: no early stop
	Seed      int64
	ClipNorm  float64 // of the gradients' joint L2 norm; 0: no clipping
	Adam      torch.AdamConfig
	Schedule  Schedule // of Adam's learning rate
	// Decays says which parameters WeightDecay is for; nil: all.
	Decays func(parameter string) bool

	// EMA is the decay of a moving average of the weights, 0: none. Validation, the
	// best epoch and the predictor are of the average.
	EMA float64
	// LabelSmoothing and Balanced, where each class counts as much as the others, are
	// of the training loss of a task of classes (nn.Classifier).
	LabelSmoothing float64
	Balanced       bool

	// Select is the metric of a validation pass that decides which epoch is the best,
	// the higher the better; NaN is worse than any. nil: the lowest loss is the best.
	Select func(Prediction) float64
	// Score scores a validation pass, to be reported (AUC); nil: it is not scored.
	Score func(Prediction) float64

	// OnBatch and OnEpoch, where set, are called as work is done.
	OnBatch func(done, of int)
	OnEpoch func(Epoch)

	// Resume, where set, is the state to go on from, in place of the model's
	// weights. The model, the graphs and the Config must be those it came from.
	Resume *checkpoint.State
	// Checkpoint, where set, is given the state as often as CheckpointEvery
	// says, on a stop, and when nothing is left to train.
	Checkpoint      func(checkpoint.State)
	CheckpointEvery checkpoint.Every
}

// Epoch is what one pass over the training split gave.
type Epoch = checkpoint.Epoch

// Result is what Fit did. The predictor is that of BestEpoch, or, with BestEpoch
// 0, the one at which it was interrupted before the first epoch's end.
type Result struct {
	Epochs      []Epoch
	BestEpoch   int
	EarlyStop   bool
	Interrupted bool
}

// runLoop trains until the epochs are done, validation stops getting better, or
// ctx is done, which is looked at between batches and is no error. Snapshots
// are shuffled anew each epoch from Seed and the epoch's number alone, so the
// same seed, data and number of threads give the same bits, whether or not the
// training was stopped and resumed in between.
func runLoop(ctx context.Context, f *loop) (Result, error) {
	f.best = math.Inf(-1)
	if err := f.thread.Do(f.begin); err != nil {
		return Result{}, err
	}
	defer func() { _ = f.thread.Do(f.end) }() // freeing does not fail
	err := f.run(ctx)
	if err == nil {
		err = f.checkpoint()
	}
	if err == nil {
		err = f.thread.Do(f.restoreBest)
	}
	return f.result, err
}

// loop is one training.
type loop struct {
	Config
	thread  *torch.Thread
	model   nn.Model
	task    nn.Task
	inputs  *inputs
	targets *targets

	train, valid []int     // snapshots of the splits
	pieces       [][]int   // of train, that are shuffled: with a past runs of bars, else single snapshots
	classWeights []float32 // [C] of the training loss; nil: all are alike

	learns      nn.Task // task, with the training loss
	learners    []*learner
	bestWeights []torch.Tensor // of the model's parameters
	number      torch.Tensor   // of the step under way, which draws go by
	queue       *queue         // nil: each step is waited for
	owner       *torch.Scope   // of what begin makes
	best        float64        // merit of BestEpoch
	result      Result
	pass        checkpoint.Pass // of the epoch under way
	kept        time.Time       // when the last checkpoint was taken, or Fit began
}

func (f *loop) begin() error {
	f.kept = time.Now()
	f.pieces = f.inputs.past.runs(f.inputs, f.train, min(catalog.RunLength, f.BatchSize))
	build := torch.NewScope()
	defer build.Close()
	for _, p := range f.model.Parameters() {
		f.bestWeights = append(f.bestWeights, build.Clone(p.Tensor))
	}
	f.learners = learnersOf(build, f.model, f.Config)
	f.learns = f.learned(build)
	if f.Resume != nil {
		if err := f.restore(*f.Resume); err != nil {
			return err
		}
	}
	host := torch.NewScope()
	defer host.Close()
	f.number = build.Clone(host.To(host.Int64s([]int64{0}, 1), f.inputs.device))
	if f.inputs.resident != nil && f.captured() {
		f.queue = f.newQueue(build)
	}
	f.owner = build.Release()
	return nil
}

func (f *loop) end() error {
	f.owner.Close()
	return nil
}

func (f *loop) run(ctx context.Context) error {
	for number := len(f.result.Epochs) + 1; number <= f.Epochs && !f.result.EarlyStop; number++ {
		loss, err := f.epoch(ctx, number)
		if ctx.Err() != nil && err == nil {
			f.result.Interrupted = true
			return nil
		}
		if err != nil {
			return err
		}
		e := Epoch{Number: number, TrainLoss: loss, Seconds: f.pass.Seconds, Score: math.NaN(), Metric: math.NaN()}
		stop, err := f.validate(ctx, &e)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			f.result.Interrupted = true
			return nil
		}
		if err != nil {
			return err
		}
		f.result.Epochs = append(f.result.Epochs, e)
		f.result.EarlyStop = stop
		f.pass = checkpoint.Pass{}
		if f.OnEpoch != nil {
			f.OnEpoch(e)
		}
		if last := stop || number == f.Epochs; !last && f.CheckpointEvery.Due(number, time.Since(f.kept)) {
			if err := f.checkpoint(); err != nil {
				return err
			}
		}
	}
	return nil
}

// epoch is one pass over the training split, or what is left of it; its loss is
// the mean over the labelled nodes, as the weights went along.
func (f *loop) epoch(ctx context.Context, number int) (float64, error) {
	order := make([][][]int, len(f.learners)) // [learners, batches] snapshots
	for i, l := range f.learners {
		order[i] = l.batches(f.pieces, f.BatchSize, number)
	}
	batches := len(order[0])
	if f.queue != nil {
		if err := f.queuedEpoch(ctx, number, slices.Concat(order[0]...), batches); err != nil || ctx.Err() != nil {
			return 0, err
		}
		return f.pass.LossSum / float64(max(f.pass.Labelled, 1)), nil
	}
	for b := f.pass.Batches; b < batches; b++ {
		if ctx.Err() != nil {
			return 0, nil
		}
		start := time.Now()
		err := f.thread.Do(func() error {
			step := (number-1)*batches + b
			torch.Fill(f.number, float64(step))
			rate := f.rate(step, f.Epochs*batches)
			for i, l := range f.learners {
				l.adam.SetRate(rate)
				loss, labelled, err := f.step(l, order[i][b])
				if err != nil {
					return err
				}
				f.pass.LossSum += loss * float64(labelled)
				f.pass.Labelled += labelled
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("epoch %d, batch %d of %d: %w", number, b+1, batches, err)
		}
		f.pass.Batches++
		f.pass.Seconds += time.Since(start).Seconds()
		if f.OnBatch != nil {
			f.OnBatch(b+1, batches)
		}
		if f.CheckpointEvery.Due(0, time.Since(f.kept)) {
			if err := f.checkpoint(); err != nil {
				return 0, err
			}
		}
	}
	return f.pass.LossSum / float64(max(f.pass.Labelled, 1)), nil
}

// step is one update of a learner, on the libtorch thread. What it computed on the
// way is freed before the next learner's.
func (f *loop) step(of *learner, snapshots []int) (loss float64, labelled int, err error) {
	s := torch.NewScope()
	defer s.Close()
	targets, _ := f.targets.batch(s, snapshots)
	if targets.Labelled == 0 {
		return 0, 0, nil // nothing to learn from, and the mean over no rows is NaN
	}
	b := f.inputs.batch(s, snapshots)
	defer b.Close()
	b.Draws = nn.Draws{Seed: of.seed, Step: f.number}
	l := f.learns.Loss(s, of.network.Forward(s, b, true), targets)
	torch.Backward(l)
	r := of.adam.Step(l, f.ClipNorm)
	if !r.Finite() {
		return 0, 0, diverged("the loss is %v and the gradients' norm %v", r.Loss, r.GradNorm)
	}
	of.average.follow()
	return r.Loss, targets.Labelled, nil
}

// validate measures the epoch, keeps the weights where they are the best so far,
// and reports whether patience is at its end.
func (f *loop) validate(ctx context.Context, e *Epoch) (stop bool, err error) {
	if err := f.thread.Do(f.applyAverages); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.thread.Do(f.withdrawAverages)) }()
	p, loss, err := f.predictValid(ctx)
	if err != nil {
		return false, fmt.Errorf("validating epoch %d: %w", e.Number, err)
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return false, fmt.Errorf("validating epoch %d: %w", e.Number, diverged("the loss is %v", loss))
	}
	e.ValidLoss = loss
	if f.Score != nil {
		e.Score = f.Score(p)
	}
	if f.Select != nil {
		e.Metric = f.Select(p)
	}
	if m := f.merit(*e); m > f.best || f.result.BestEpoch == 0 {
		f.best, f.result.BestEpoch, e.Best = m, e.Number, true
		return false, f.thread.Do(f.keepBest)
	}
	return f.Patience > 0 && e.Number-f.result.BestEpoch >= f.Patience, nil
}

// merit is what the best epoch has the most of.
func (f *loop) merit(e Epoch) float64 {
	switch {
	case f.Select == nil:
		return -e.ValidLoss
	case math.IsNaN(e.Metric):
		return math.Inf(-1)
	}
	return e.Metric
}

// predictValid predicts the validation split in evaluation mode. The loss is the
// mean over the nodes that have a label at the first horizon; NaN without any.
func (f *loop) predictValid(ctx context.Context) (p Prediction, loss float64, err error) {
	p = Prediction{Horizons: f.model.Config().Outputs / f.task.Outputs(), Columns: len(f.task.Columns())}
	var sum float64
	labelled := 0
	for chunk := range slices.Chunk(f.valid, perBatch(f.inputs.panel.NumNodes())) {
		if err := ctx.Err(); err != nil {
			return p, 0, err
		}
		err := f.thread.Do(func() error {
			s := torch.NewScope()
			defer s.Close()
			torch.NoGrad(func() {
				b := f.inputs.batch(s, chunk)
				defer b.Close()
				outputs := f.model.Forward(s, b, false)
				if targets, first := f.targets.batch(s, chunk); first > 0 {
					loss := f.task.Loss(s, s.Narrow(outputs, 1, 0, f.task.Outputs()), targets.First(s, first))
					sum += torch.Item(loss) * float64(first)
					labelled += first
				}
				p.Values = append(p.Values, torch.ReadFloat32s(f.task.Predict(s, outputs))...)
			})
			return nil
		})
		if err != nil {
			return p, 0, err
		}
	}
	return p, sum / float64(labelled), nil // 0/0 is NaN, as it should be
}

func (f *loop) keepBest() error {
	for i, p := range f.model.Parameters() {
		torch.Copy(f.bestWeights[i], p.Tensor)
	}
	return nil
}

// restoreBest gives the model the best weights, or before the end of the first epoch
// those of now.
func (f *loop) restoreBest() error {
	if f.result.BestEpoch == 0 {
		return f.applyAverages()
	}
	for i, p := range f.model.Parameters() {
		torch.Copy(p.Tensor, f.bestWeights[i])
	}
	return nil
}
