package config

import (
	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
)

// Predict is how bars are predicted with a trained model.
type Predict struct {
	Mode  string `env:"PREDICT" envDefault:"once"`
	Model string `env:"MODEL_QUEUE_ID"`                      // empty: the one that latest.json names
	Keep  bool   `env:"PREDICTIONS_STORE" envDefault:"true"` // whether the store gets what is predicted
}

// The values of PREDICT.
const (
	PredictOnce   = "once"   // the newest closed bar
	PredictStream = "stream" // it, and each one that closes from then on
)

// settingsOfTraining are those of Train that a prediction reads.
type settingsOfTraining struct {
	Device string `env:"DEVICE" envDefault:"auto"`
}

// LoadPredict reads what a prediction needs of the environment, as Load does what
// a training needs: where the model is, the source of candles, the device, and where
// events go. Everything else is the model's, and its variables have no effect, since
// the services of a pipeline share an environment. The ids may be unset where Kafka
// is. INTERVAL is empty where it is not set, and of the range END alone counts.
func LoadPredict(environ []string) (Config, error) {
	var (
		c      Config
		t      settingsOfTraining
		faults fault.List
	)
	values := env.ToMap(environ)
	checkLibraries(values, &faults)
	given := gather(values, func(v variable) bool { return v.required && values["KAFKA_BOOTSTRAP_SERVERS"] != "" }, &faults)
	for _, part := range []any{&c.IDs, &c.Source, &c.Source.Binance, &c.Source.Arango, &t, &c.Store, &c.Kafka, &c.Log, &c.Paths, &c.Predict} {
		parse(part, given, &faults)
	}
	if c.Train.Device = t.Device; !device.MatchString(t.Device) {
		faults.Add(lookup("DEVICE").wrong(given.as["DEVICE"], given.values["DEVICE"]))
	}
	c.resolveSource(given)
	if c.Source.Source == PyG {
		faults.Add(fault.Input("DATA_SOURCE=pyg is one graph without time, which has no newest bar").At("DATA_SOURCE").Fix("set binance, arango, files or simulated"))
	}
	for _, step := range []struct {
		name  string
		check func(string) error
	}{{"MODEL_NAME", store.CheckModel}, {"QUEUE_ID", store.CheckRun}, {"MODEL_QUEUE_ID", store.CheckRun}} {
		if err := step.check(given.values[step.name]); err != nil && given.has(step.name) {
			as := given.as[step.name]
			faults.Add(fault.Input("%s is %s, which cannot name a folder", as, shortQuote(given.values[step.name])).At("%s", as).Fix("set one %v", err))
		}
	}
	if c.Source.Source != PyG {
		addAll(&faults, c.Source.Validate())
	}
	if c.Predict.Mode == PredictStream {
		if span, err := c.Source.Range(); err == nil && !span.End.IsZero() {
			faults.Add(fault.Input("END is set, and PREDICT=stream predicts the bars to come").At("END").Fix("unset END, or set PREDICT=once"))
		}
		if c.Source.Source == source.Simulated {
			faults.Add(fault.Input("DATA_SOURCE=simulated is a market that has ended, and PREDICT=stream predicts the bars to come").At("PREDICT").Fix("set PREDICT=once, or another DATA_SOURCE"))
		}
	}
	if a := c.Source.Arango; c.Source.Source == source.Arango && a.Graph != "" && a.Candles == "" {
		faults.Add(fault.Input("GRAPH_COLLECTION_NAME is a prepared graph, of which no newer bar can be built").At("GRAPH_COLLECTION_NAME").Fix("set CANDLES_COLLECTION to the candles that the model was trained on"))
	}
	if c.Kafka.PredictionsTopic != "" && c.Kafka.BootstrapServers == "" {
		faults.Add(fault.Input("PREDICTIONS_TOPIC is set, but KAFKA_BOOTSTRAP_SERVERS is not").At("PREDICTIONS_TOPIC").Fix("set both or neither"))
	}
	if c.Kafka.BootstrapServers != "" {
		addAll(&faults, c.Kafka.Validate())
	}
	if c.Store.Endpoint != "" {
		addAll(&faults, c.Store.Validate())
	}
	if !given.has("INTERVAL") {
		c.Source.Interval = ""
	}
	given.rename(faults)
	c.rejected = rejectedBy(faults)
	return c, faults.Err()
}
