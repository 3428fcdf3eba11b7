package train

import (
	"context"
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// queue is what a training on a CUDA device keeps there, so that steps are queued
// one after another and nobody waits for one: a step of each size is captured
// once and replayed, it takes its snapshots from order, and leaves its loss in
// results.
type queue struct {
	order   torch.Tensor // [train snapshots] of the epoch
	place   torch.Tensor // the batch that is next
	results torch.Tensor // [batches, 2] loss and gradients' norm
	steps   map[int]*torch.Capture
}

// captured reports whether steps may be captured: a recorded one is of one network,
// keeps its learning rate, and averages no weights.
func (f *loop) captured() bool {
	return len(f.learners) == 1 && f.EMA == 0 && f.Schedule.Kind == "" || f.Schedule.Kind == ScheduleNone
}

// newQueue makes it, on the libtorch thread.
func (f *loop) newQueue(owner *torch.Scope) *queue {
	host := torch.NewScope()
	defer host.Close()
	batches := (len(f.train) + f.BatchSize - 1) / f.BatchSize
	onDevice := func(t torch.Tensor) torch.Tensor { return owner.Clone(host.To(t, f.inputs.device)) }
	return &queue{
		order:   onDevice(host.Int64s(int64s(f.train), int64(len(f.train)))),
		place:   onDevice(host.Int64s([]int64{0}, 1)),
		results: onDevice(host.Float64s(make([]float64, 2*batches), int64(batches), 2)),
		steps:   map[int]*torch.Capture{},
	}
}

// atOnce is how many steps are queued before a stop is looked for. The device is
// at most some dozen steps behind (csrc/cuda/library.cc).
const atOnce = 8

// queuedEpoch is epoch on the device. The order of sums is that of the steps.
func (f *loop) queuedEpoch(ctx context.Context, number int, order []int, batches int) error {
	start := time.Now()
	settled := f.pass.Batches // steps whose results were read
	settle := func() error {
		err := f.settle(number, order, settled, batches)
		settled = f.pass.Batches
		f.pass.Seconds += time.Since(start).Seconds()
		start = time.Now()
		return err
	}
	if err := f.thread.Do(func() error { f.beginPass(number, order, batches); return nil }); err != nil {
		return fmt.Errorf("epoch %d: %w", number, err)
	}
	for f.pass.Batches < batches && ctx.Err() == nil {
		first, last := f.pass.Batches, min(f.pass.Batches+atOnce, batches)
		if err := f.thread.Do(func() error { return f.replay(order, first, last) }); err != nil {
			return fmt.Errorf("epoch %d, batch %d of %d: %w", number, first+1, batches, err)
		}
		f.pass.Batches = last
		if f.OnBatch != nil {
			for b := first; b < last; b++ {
				f.OnBatch(b+1, batches)
			}
		}
		if f.CheckpointEvery.Due(0, time.Since(f.kept)) {
			if err := settle(); err != nil {
				return err
			}
			if err := f.checkpoint(); err != nil {
				return err
			}
			start = time.Now()
		}
	}
	return settle()
}

// beginPass sends the order of an epoch to the device.
func (f *loop) beginPass(number int, order []int, batches int) {
	s := torch.NewScope()
	defer s.Close()
	torch.Copy(f.queue.order, s.Int64s(int64s(order), int64(len(order))))
	torch.Fill(f.queue.place, float64(f.pass.Batches))
	torch.Fill(f.number, float64((number-1)*batches+f.pass.Batches))
}

// replay queues batches first to last of an order.
func (f *loop) replay(order []int, first, last int) error {
	for b := first; b < last; b++ {
		chunk := order[b*f.BatchSize : min((b+1)*f.BatchSize, len(order))]
		if f.targets.count(chunk) == 0 {
			torch.Advance(f.queue.place, f.number) // nothing to learn from
			continue
		}
		step, ok := f.queue.steps[len(chunk)]
		if !ok {
			step = f.capture(len(chunk))
			f.queue.steps[len(chunk)] = step
		}
		step.Replay()
	}
	return nil
}

// capture records a step of so many snapshots. The libraries behind it set
// themselves up at first use, which cannot be recorded: a pass whose gradients
// are thrown away goes before.
func (f *loop) capture(snapshots int) *torch.Capture {
	s := torch.NewScope()
	defer s.Close()
	q := f.queue
	index := f.owner.Clone(s.To(s.Int64s(make([]int64, snapshots), int64(snapshots)), f.inputs.device))
	places := index
	if f.inputs.panel.Timeless() { // all snapshots are of one place
		places = f.owner.Clone(index)
	}
	backward := func(s *torch.Scope) torch.Tensor {
		b := f.inputs.residentBatch(s, places, snapshots)
		defer b.Close()
		b.Draws = nn.Draws{Seed: f.Seed, Step: f.number}
		loss := f.learns.Loss(s, f.model.Forward(s, b, true), f.targets.batchAt(s, index))
		torch.Backward(loss)
		return loss
	}
	torch.NextBatch(q.order, q.place, f.BatchSize, index)
	backward(s)
	f.learners[0].adam.ClearGrad()
	return torch.Own(f.owner, torch.NewCapture(f.inputs.device, func() {
		step := torch.NewScope()
		defer step.Close()
		torch.NextBatch(q.order, q.place, f.BatchSize, index)
		f.learners[0].adam.Queue(backward(step), f.ClipNorm, q.results, q.place, f.number)
	}))
}

// settle waits for the queued steps, adds their losses up, and finds the first
// that is not finite.
func (f *loop) settle(number int, order []int, from, batches int) error {
	var results []float64
	err := f.thread.Do(func() error {
		results = torch.ReadFloat64s(f.queue.results)
		return nil
	})
	if err != nil {
		return fmt.Errorf("epoch %d: %w", number, err)
	}
	for b := from; b < f.pass.Batches; b++ {
		labelled := f.targets.count(order[b*f.BatchSize : min((b+1)*f.BatchSize, len(order))])
		if labelled == 0 {
			continue
		}
		r := torch.StepResult{Loss: results[2*b], GradNorm: results[2*b+1]}
		if !r.Finite() {
			return fmt.Errorf("epoch %d, batch %d of %d: %w", number, b+1, batches, diverged("the loss is %v and the gradients' norm %v", r.Loss, r.GradNorm))
		}
		f.pass.LossSum += r.Loss * float64(labelled)
		f.pass.Labelled += labelled
	}
	return nil
}
