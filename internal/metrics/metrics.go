// Package metrics tells how a run goes: what the run counts and measures
// enters, and leaves as Prometheus metrics over HTTP, beside answers to health
// probes, and as one estimate of how far the run has come. Telling is a few
// atomic operations and waits for nobody; what costs more is asked for at each
// scrape. Nothing of it is global: each Metrics has a registry of its own.
package metrics

import (
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// prefix is that of every name of ours.
const prefix = "gnn_trainer_"

// Run names what is measured.
type Run struct {
	QueueID, Symbol, ModelName string
	Version, Torch             string // of gnn-trainer and of libtorch
	Epochs                     int    // at most, of each training
	Trainings                  int    // of a fold
	Folds                      int    // 0 counts as 1

	Tensors func() int64 // native objects that are not freed; nil: not known
}

// Metrics are those of one run. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	table    []Row
	sampled  sampled

	errors, epochs, saved           prometheus.Counter
	loss, validLoss, metric         *prometheus.GaugeVec
	auc, accuracy                   *prometheus.GaugeVec
	rankIC, rankICLow, rankICHigh   *prometheus.GaugeVec
	verdict                         *prometheus.GaugeVec
	epoch, bestEpoch, throughput    *prometheus.GaugeVec
	foldNumber                      *prometheus.GaugeVec
	batches, snapshots              *prometheus.CounterVec
	epochSeconds, checkpointSeconds *prometheus.HistogramVec
	checkpointFailures              prometheus.Counter
	checkpointTime                  *prometheus.GaugeVec
	loadSteps, loadExpected         *prometheus.GaugeVec

	trainings   []string // that have begun, in their order
	folds, fold int      // of the run, and that of the training under way

	phases   phases
	waits    waits
	progress progressTracker

	sources       atomic.Pointer[Sources]
	gpu           atomic.Pointer[func() (GPU, bool)]
	health        atomic.Pointer[func() error]
	ready         atomic.Bool
	verdictScrape verdictScrape
}

// Row is a metric as the documentation tells of it.
type Row struct{ Name, Type, Labels, Meaning string }

// Table lists the metrics of ours, in the order of the documentation. Those of
// the process and of the Go runtime are client_golang's.
func (m *Metrics) Table() []Row { return m.table }

// The trainings, values of the label training.
const (
	Model    = "model"
	Baseline = "baseline"
)

// New begins the metrics of a run, which is in the phase Starting.
func New(run Run) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.phases.begin(time.Now())
	m.folds, m.fold = max(run.Folds, 1), 1
	m.progress.trainings = max(run.Trainings, 1) * m.folds

	m.told()
	m.epochs = m.counter("epochs_completed_total", "Epochs of the model that this start of the run has completed.").WithLabelValues()
	m.loss = m.gauge("current_training_loss", "Training loss of the model's newest epoch, the mean over labelled nodes.")
	m.saved = m.counter("models_saved_total", "Results that were stored completely, with their manifest.").WithLabelValues()
	m.trained(run)
	m.registerVerdict()
	m.loaded()
	m.checkpoints()
	m.surroundings()

	m.sample("live_tensors", gauge, "Native tensors and other objects of libtorch that are not freed.", nil, func(emit emitter) {
		if run.Tensors != nil {
			emit(float64(run.Tensors()))
		}
	})
	m.sample("run_info", gauge, "1, with the ids of the run.", []string{"queue_id", "symbol", "model_name"}, func(emit emitter) {
		emit(1, run.QueueID, run.Symbol, run.ModelName)
	})
	m.sample("build_info", gauge, "1, with the versions of the program, libtorch and Go.", []string{"version", "torch", "goversion"}, func(emit emitter) {
		emit(1, run.Version, run.Torch, runtime.Version())
	})
	m.registry.MustRegister(m.sampled,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return m
}

// told are the events, and errors beside them.
func (m *Metrics) told() {
	m.sample("events_total", counter, "Telemetry events that were delivered, by state.", []string{"event_type"}, func(emit emitter) {
		for _, s := range states {
			emit(float64(m.from().Telemetry().Delivered[s]), string(s))
		}
	})
	m.sample("status_last", gauge, "1 for the state that the run emitted last, 0 for the others.", []string{"status_type"}, func(emit emitter) {
		last := m.from().Telemetry().Last
		for _, s := range states {
			emit(truth(s == last), string(s))
		}
	})
	m.errors = m.counter("errors_total", "Errors: those after which the run continued, and the one that ended it.").WithLabelValues()
}

// Error counts an error, whether or not it ends the run.
func (m *Metrics) Error() { m.errors.Inc() }

// ModelSaved counts a result that is stored whole.
func (m *Metrics) ModelSaved() { m.saved.Inc() }

// define puts a metric in the table and gives its full name.
func (m *Metrics) define(name, kind, help string, labels []string) string {
	m.table = append(m.table, Row{prefix + name, kind, strings.Join(labels, ", "), help})
	return prefix + name
}

// A vector without labels has no value until it is asked for one: a loss that
// is not known yet is not told as 0.
func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.define(name, "gauge", help, labels), Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.define(name, "counter", help, labels), Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.define(name, "histogram", help, labels), Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
