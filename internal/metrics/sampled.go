package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// states are all that an event may tell.
var states = []kafka.Status{kafka.Started, kafka.Loading, kafka.Interrupted, kafka.Failed, kafka.Finished}

// Sources are asked at each scrape, from any goroutine, and answer at once.
type Sources struct {
	Telemetry    func() kafka.Stats
	KafkaRetries func() int64         // nil: there is no Kafka
	Uploads      func() store.Uploads // nil: there is no MinIO
}

// GPU is the memory that libtorch's allocator has on the device.
type GPU struct {
	Allocated, AllocatedPeak int64 // bytes in tensors, now and at most
	Reserved                 int64 // bytes taken from the device
}

// SampleGPU has read asked at each scrape; false: it is not known now.
func (m *Metrics) SampleGPU(read func() (GPU, bool)) { m.gpu.Store(&read) }

// Sample has s asked from now on.
func (m *Metrics) Sample(s Sources) { m.sources.Store(&s) }

// from are the sources, which tell of nothing before there are some.
func (m *Metrics) from() Sources {
	if s := m.sources.Load(); s != nil {
		return *s
	}
	return Sources{Telemetry: func() kafka.Stats { return kafka.Stats{} }}
}

// surroundings are what the run's neighbours and the device say.
func (m *Metrics) surroundings() {
	telemetry := func(name string, kind prometheus.ValueType, help string, value func(kafka.Stats) float64) {
		m.sample(name, kind, help, nil, func(emit emitter) { emit(value(m.from().Telemetry())) })
	}
	telemetry("telemetry_queue_length", gauge, "Events that wait to be delivered, the one being sent included.", func(s kafka.Stats) float64 { return float64(s.Waiting) })
	telemetry("telemetry_dropped_total", counter, "Events that a newer one replaced before they were sent.", func(s kafka.Stats) float64 { return float64(s.Dropped) })
	telemetry("telemetry_undelivered_total", counter, "Events that were rejected or not accepted in time.", func(s kafka.Stats) float64 { return float64(s.Undelivered) })
	m.sample("telemetry_retries_total", counter, "Attempts to send an event to Kafka that failed and were retried; only with Kafka.", nil, func(emit emitter) {
		if retries := m.from().KafkaRetries; retries != nil {
			emit(float64(retries()))
		}
	})

	uploads := func(name string, kind prometheus.ValueType, help string, value func(store.Uploads) float64) {
		m.sample(name, kind, help+"; only with MinIO.", nil, func(emit emitter) {
			if uploads := m.from().Uploads; uploads != nil {
				emit(value(uploads()))
			}
		})
	}
	uploads("store_queue_length", gauge, "Files that wait to be uploaded or removed, the one under way included", func(u store.Uploads) float64 { return float64(u.Waiting) })
	uploads("store_uploads_total", counter, "Files uploaded in the background", func(u store.Uploads) float64 { return float64(u.Files) })
	uploads("store_uploaded_bytes_total", counter, "Bytes in them", func(u store.Uploads) float64 { return float64(u.Bytes) })
	uploads("store_retries_total", counter, "Requests and uploads that failed and were made again", func(u store.Uploads) float64 { return float64(u.Retries) })

	gpu := func(name, help string, value func(GPU) int64) {
		m.sample(name, gauge, help+"; only on CUDA.", nil, func(emit emitter) {
			if read := m.gpu.Load(); read != nil {
				if g, ok := (*read)(); ok {
					emit(float64(value(g)))
				}
			}
		})
	}
	gpu("gpu_memory_allocated_bytes", "Memory of the device in tensors", func(g GPU) int64 { return g.Allocated })
	gpu("gpu_memory_allocated_peak_bytes", "The most that was in tensors at once", func(g GPU) int64 { return g.AllocatedPeak })
	gpu("gpu_memory_reserved_bytes", "Memory that libtorch has taken from the device, kept blocks included", func(g GPU) int64 { return g.Reserved })
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// emitter is given each value of a metric with its labels' values.
type emitter func(value float64, labels ...string)

// sampled is a collector of what is asked for at each scrape.
type sampled []sample

type sample struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(emitter)
}

func (m *Metrics) sample(name string, kind prometheus.ValueType, help string, labels []string, read func(emitter)) {
	called := map[prometheus.ValueType]string{gauge: "gauge", counter: "counter"}[kind]
	desc := prometheus.NewDesc(m.define(name, called, help, labels), help, labels, nil)
	m.sampled = append(m.sampled, sample{desc, kind, read})
}

// Describe is that of a prometheus.Collector.
func (s sampled) Describe(out chan<- *prometheus.Desc) {
	for _, one := range s {
		out <- one.desc
	}
}

// Collect is that of a prometheus.Collector.
func (s sampled) Collect(out chan<- prometheus.Metric) {
	for _, one := range s {
		one.read(func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(one.desc, one.kind, value, labels...)
		})
	}
}
