package metrics

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// An epoch takes from hundredths of a second on a small market to minutes on a
// large one.
var epochBuckets = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 600}

func (m *Metrics) trained(run Run) {
	m.sample("phase_seconds_total", counter, "Seconds spent in each phase of the run, the one under way included.", []string{"phase"}, func(emit emitter) {
		for _, p := range allPhases {
			_, seconds := m.phases.read(p, time.Now())
			emit(seconds, string(p))
		}
	})
	m.sample("phase_active", gauge, "1 for the phase under way, 0 for the others.", []string{"phase"}, func(emit emitter) {
		now, _ := m.phases.read(Starting, time.Now())
		for _, p := range allPhases {
			emit(truth(p == now), string(p))
		}
	})
	m.sample("progress_ratio", gauge, "Share of the trainings that is done, 0 to 1; an early stop of one ends its share.", nil, func(emit emitter) {
		emit(m.Progress().Done)
	})
	m.sample("estimated_remaining_seconds", gauge, "Time that the trainings will take at the present pace, if none stops early; absent while unknown.", nil, func(emit emitter) {
		if p := m.Progress(); p.Known {
			emit(p.Remaining.Seconds())
		}
	})
	m.sample("epochs_max", gauge, "Epochs of a training at most (EPOCHS).", nil, func(emit emitter) { emit(float64(run.Epochs)) })
	m.sample("folds", gauge, "Folds of the walk-forward (FOLDS).", nil, func(emit emitter) { emit(float64(m.folds)) })
	m.foldNumber = m.gauge("fold", "Number of the fold that the training is at, or was at last; epochs count anew in each.", "training")
	m.epoch = m.gauge("epoch", "Number of the newest epoch that has ended, those of earlier starts counted.", "training")
	m.bestEpoch = m.gauge("best_epoch", "Number of the epoch with the best validation so far.", "training")
	m.validLoss = m.gauge("current_validation_loss", "Validation loss of the newest epoch.", "training")
	m.metric = m.gauge("current_validation_metric", "Metric of the newest epoch's validation that decides the best epoch, such as rank_ic; absent where the loss decides.", "training", "metric")
	m.auc = m.gauge("auc", "AUC of the score against the return's sign: of the validation split after each epoch, of all splits at the end.", "training", "split")
	m.accuracy = m.gauge("accuracy_ratio", "Accuracy of each split, at the end.", "training", "split")
	m.epochSeconds = m.histogram("epoch_duration_seconds", "Seconds of an epoch's training pass, validation not counted.", epochBuckets, "training")
	m.batches = m.counter("batches_total", "Batches trained on.", "training")
	m.snapshots = m.counter("snapshots_total", "Snapshots trained on.", "training")
	m.throughput = m.gauge("snapshots_per_second", "Snapshots trained on per second in the newest epoch, validation not counted.", "training")
}

// Fit is what one training is told to. It is for one goroutine.
type Fit struct {
	m                  *Metrics
	name               string
	epochs             int // at most
	ended              int // epochs
	batch, of          int // snapshots: in a batch, in an epoch
	batches, snapshots prometheus.Counter
	current            prometheus.Gauge
	seconds            prometheus.Observer
}

// Fold says which fold the trainings that begin from now on are of, from 1. It is
// for the goroutine that calls Fit.
func (m *Metrics) Fold(number int) { m.fold = number }

// Fit begins a training, Model or Baseline, of at most so many epochs over so
// many snapshots. state, where not nil, is what it goes on from.
func (m *Metrics) Fit(name string, epochs, snapshots, batch int, state *checkpoint.State) *Fit {
	f := &Fit{
		m: m, name: name, epochs: epochs, batch: batch, of: snapshots,
		batches: m.batches.WithLabelValues(name), snapshots: m.snapshots.WithLabelValues(name),
		current: m.epoch.WithLabelValues(name), seconds: m.epochSeconds.WithLabelValues(name),
	}
	f.current.Set(0)
	if state != nil && len(state.Epochs) > 0 {
		f.know(state.Epochs[len(state.Epochs)-1])
		m.bestEpoch.WithLabelValues(name).Set(float64(state.BestEpoch))
	}
	m.foldNumber.WithLabelValues(name).Set(float64(m.fold))
	if !slices.Contains(m.trainings, name) {
		m.trainings = append(m.trainings, name)
	}
	place := m.fold - 1 + slices.Index(m.trainings, name)*m.folds
	m.progress.begin(place, f.share(0), time.Now())
	return f
}

// search is the place of a search of settings among the trainings.
const search = "search"

// Search tells how much of a search of settings is done, which counts as one more
// training of the run's. It is for the goroutine that calls Fit.
func (m *Metrics) Search(done float64) {
	if !slices.Contains(m.trainings, search) {
		m.trainings = append(m.trainings, search)
		m.progress.begin(slices.Index(m.trainings, search)*m.folds, done*float64(m.folds), time.Now())
	}
	m.progress.step(done*float64(m.folds), time.Now())
}

// share is how much of the training is done, with so much of its epoch.
func (f *Fit) share(epoch float64) float64 {
	return (float64(f.ended) + epoch) / float64(max(f.epochs, 1))
}

// Batch counts a batch, the one with the number done of an epoch's.
func (f *Fit) Batch(done, of int) {
	f.batches.Inc()
	f.snapshots.Add(float64(max(0, min(f.batch, f.of-(done-1)*f.batch))))
	f.m.progress.step(f.share(float64(done)/float64(max(of, 1))), time.Now())
}

// Decided tells the metric by which the epoch that Epoch tells of next is compared
// with the best one; without a call it is the loss.
func (f *Fit) Decided(name string, value float64) {
	if !math.IsNaN(value) {
		f.m.metric.WithLabelValues(f.name, name).Set(value)
	}
	f.m.progress.decided(f.name, name)
}

// Epoch tells of an epoch that has ended.
func (f *Fit) Epoch(e checkpoint.Epoch) {
	m := f.m
	f.know(e)
	f.seconds.Observe(e.Seconds)
	if e.Seconds > 0 {
		m.throughput.WithLabelValues(f.name).Set(float64(f.of) / e.Seconds)
	}
	if e.Best {
		m.bestEpoch.WithLabelValues(f.name).Set(float64(e.Number))
	}
	if f.name == Model {
		m.epochs.Inc()
	}
	m.progress.step(f.share(0), time.Now())
}

// know tells what is known of the newest epoch, whichever start it is of.
func (f *Fit) know(e checkpoint.Epoch) {
	m := f.m
	f.ended = e.Number
	f.current.Set(float64(e.Number))
	m.validLoss.WithLabelValues(f.name).Set(e.ValidLoss)
	if !math.IsNaN(e.Score) {
		m.auc.WithLabelValues(f.name, "valid").Set(e.Score)
	}
	if f.name == Model {
		m.loss.WithLabelValues().Set(e.TrainLoss)
	}
	m.progress.latest(f.name, e)
}

// Done says that the training has ended: by itself, or interrupted.
func (f *Fit) Done(interrupted bool) {
	if !interrupted {
		f.m.progress.step(1, time.Now())
	}
}

// Evaluated tells how good a training's model is.
func (m *Metrics) Evaluated(training string, s evaluation.Splits) {
	for split, of := range map[string]evaluation.SplitMetrics{"train": s.Train, "valid": s.Valid, "test": s.Test} {
		for vec, value := range map[*prometheus.GaugeVec]evaluation.Float{m.auc: of.AUC, m.accuracy: of.Accuracy} {
			if v := float64(value); !math.IsNaN(v) {
				vec.WithLabelValues(training, split).Set(v)
			}
		}
	}
	m.progress.evaluated(training, float64(s.Test.AUC))
}

func (m *Metrics) checkpoints() {
	m.checkpointSeconds = m.histogram("checkpoint_duration_seconds", "Seconds that the training waited for a checkpoint to be saved.",
		[]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})
	m.checkpointFailures = m.counter("checkpoint_failures_total", "Checkpoints that could not be saved.").WithLabelValues()
	m.checkpointTime = m.gauge("checkpoint_timestamp_seconds", "When the newest checkpoint was saved, Unix time.")
	m.checkpointSeconds.WithLabelValues()
}

// Checkpoint tells of a checkpoint that took so long; kept says whether it is there.
func (m *Metrics) Checkpoint(took time.Duration, kept bool) {
	m.checkpointSeconds.WithLabelValues().Observe(took.Seconds())
	if !kept {
		m.checkpointFailures.Inc()
		return
	}
	m.checkpointTime.WithLabelValues().SetToCurrentTime()
}
