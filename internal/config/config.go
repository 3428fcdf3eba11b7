// Package config makes one checked Config from the environment: variables
// enter, and each package's own Config leaves, or a fault for each of them
// that is wrong. The table of variables in variables.go is the only
// place that describes them; `gnn-trainer env` and docs/variables.md are made
// from it. It starts nothing and touches no file but those that hold secrets and
// EDGES_FILE.
package config

import (
	"slices"
	"strings"
	"unicode"

	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/kubeflow"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/store"
)

// Config is all settings of a run. A variable that two parts need, such as
// SYMBOL or SEED, has the same value in both.
type Config struct {
	IDs    kafka.IDs
	Kafka  kafka.Config
	Store  store.Config
	Source source.Config // Source.Source is never auto: it is what auto came to
	Data   data.Config
	Model  Model
	Train  Train
	Log    Log
	Paths  Paths
	Tune   Tune
	Output Output

	Predict Predict

	Metrics  metrics.Config
	Kubeflow kubeflow.Config

	rejected []string // variables that a value of was rejected; see Rejects
}

// Paths is where relative folders lie.
type Paths struct {
	WorkDir string `env:"WORK_DIR" envDefault:"."`
}

// Model is the network.
type Model struct {
	Type    string  `env:"MODEL_TYPE" envDefault:"gcn"`
	Hidden  int     `env:"HIDDEN" envDefault:"64"`   // channels of each hidden layer
	Layers  int     `env:"LAYERS" envDefault:"2"`    // graph convolutions
	Heads   int     `env:"HEADS" envDefault:"4"`     // of attention, in each layer
	Dropout float64 `env:"DROPOUT" envDefault:"0.1"` // probability

	Residual bool    `env:"RESIDUAL" envDefault:"false"` // a layer's input is added to its output
	Norm     string  `env:"NORM" envDefault:"none"`      // after each layer
	Jump     string  `env:"JK" envDefault:"last"`        // layers that the head reads
	Alpha    float64 `env:"GCNII_ALPHA" envDefault:"0.1"`
	Theta    float64 `env:"GCNII_THETA" envDefault:"0.5"`

	Encoder string `env:"ENCODER" envDefault:"none"`
	Window  int    `env:"ENCODER_WINDOW" envDefault:"27"` // bars that the encoder reads
	Members int    `env:"ENSEMBLE" envDefault:"1"`        // networks whose outputs are averaged

	NodeEmbedding int `env:"NODE_EMBEDDING" envDefault:"0"` // values of each node's learned vector; 0: none
}

// Network is the shape of the model; its features and outputs follow from the
// data.
func (m Model) Network() catalog.Config {
	c := catalog.Config{
		Type: m.Type, Hidden: m.Hidden, Layers: m.Layers, Heads: m.Heads, Dropout: m.Dropout,
		Residual: m.Residual, Norm: m.Norm, Jump: m.Jump, Alpha: m.Alpha, Theta: m.Theta, Encoder: m.Encoder, Members: m.Members, NodeEmbedding: m.NodeEmbedding,
	}
	if c.Encoded() {
		c.Window = m.Window
	}
	return c
}

// Network is the shape of the network that the task is learned by. That of nodes is
// the one of Kipf and Welling (2017): dropout before each layer, of which the last
// gives the classes.
func (c Config) Network() catalog.Config {
	n := c.Model.Network()
	n.Headless, n.InputDropout = c.Data.Task == data.TaskNode, c.Data.Task == data.TaskNode
	return n
}

// EffectiveHeads is HEADS where the model reads it, else 0.
func (m Model) EffectiveHeads() int {
	if slices.Contains(catalog.Readers("HEADS"), m.Type) {
		return m.Heads
	}
	return 0
}

// Train is how the network is trained.
type Train struct {
	Epochs       int     `env:"EPOCHS" envDefault:"100"` // at most
	LearningRate float64 `env:"LEARNING_RATE" envDefault:"0.001"`
	WeightDecay  float64 `env:"WEIGHT_DECAY" envDefault:"0"`
	Schedule     string  `env:"SCHEDULE" envDefault:"none"`
	Warmup       float64 `env:"WARMUP" envDefault:"0.15"`   // share of the steps
	BatchSize    int     `env:"BATCH_SIZE" envDefault:"32"` // snapshots
	Patience     int     `env:"PATIENCE" envDefault:"10"`   // epochs; 0: no early stop
	InitFrom     string  `env:"INIT_FROM"`                  // QUEUE_ID or file; empty: weights are drawn
	Loss         string  `env:"LOSS"`                       // empty: the task's own
	// ClipNorm bounds the gradients' joint norm: returns have fat tails, and one wild
	// batch should not undo an epoch.
	ClipNorm       float64 `env:"CLIP_NORM" envDefault:"1"` // 0: none
	EMA            float64 `env:"EMA" envDefault:"0"`       // decay; 0: none
	LabelSmoothing float64 `env:"LABEL_SMOOTHING" envDefault:"0"`
	ClassWeights   string  `env:"CLASS_WEIGHTS" envDefault:"none"`
	// SchedulePatience is in epochs.
	SchedulePatience int `env:"SCHEDULE_PATIENCE" envDefault:"5"`

	Seed   int64  `env:"SEED" envDefault:"42"`
	Device string `env:"DEVICE" envDefault:"auto"` // auto, cpu, cuda or cuda:N
	Resume string `env:"RESUME" envDefault:"auto"`

	Baselines Baselines `env:"BASELINES" envDefault:"prior,signals,ridge,lightgbm,no_edges"`
	// BaselinesGiven says that they are not the default, of which a run may leave
	// out what this machine lacks.
	BaselinesGiven bool   `env:"-"`
	LightGBM       string `env:"LIGHTGBM_LIB"` // file; empty: the dynamic linker finds it
	Select         string `env:"SELECT" envDefault:"model"`

	CheckpointEvery checkpoint.Every `env:"CHECKPOINT_EVERY" envDefault:"10"`
}

// The values of RESUME.
const (
	ResumeAuto  = "auto"  // a run started again resumes, or re-emits its terminal event
	ResumeNever = "never" // it trains anew
)

// InitFromFile tells whether INIT_FROM is a file, and not a QUEUE_ID.
func (c Config) InitFromFile() bool {
	return strings.Contains(c.Train.InitFrom, "/") || strings.HasSuffix(c.Train.InitFrom, ".pt")
}

// The values of SCHEDULE.
const (
	ScheduleNone     = "none"
	ScheduleOneCycle = "one_cycle"
	ScheduleCosine   = "cosine"
	SchedulePlateau  = "plateau"
)

// The values of CLASS_WEIGHTS.
const (
	ClassWeightsNone     = "none"
	ClassWeightsBalanced = "balanced"
)

// The values of SELECT.
const (
	SelectModel = "model" // the network with edges
	SelectBest  = "best"  // of it and no_edges the one with the better validation
)

// Log is what stderr shows.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info"`  // trace, debug, info, warn or error
	Format string `env:"LOG_FORMAT" envDefault:"auto"` // auto, console or json
}

// parts are the structs that variables are read into.
func (c *Config) parts() []any {
	return []any{&c.IDs, &c.Source, &c.Source.Binance, &c.Source.Arango, &c.Data.Recipe, &c.Data.TargetConfig, &c.Data.FoldConfig, &c.Data.WalkForward, &c.Model, &c.Train, &c.Store, &c.Kafka, &c.Log, &c.Paths, &c.Metrics, &c.Kubeflow, &c.Tune, &c.Output, &c.Predict}
}

// Load reads the environment, in the form of os.Environ. An empty variable
// counts as unset. The error holds everything that is wrong, a fault.Error of
// kind input each, with the variable as its place; no secret is in it. The
// Config beside an error holds what could be read, with defaults in the place
// of the rest: enough to send the run's neighbours the error where IDs are
// Known, and Kafka is reached by none of what is wrong.
func Load(environ []string) (Config, error) {
	return loadFor(environ, func(v variable) bool { return v.required })
}

// loadFor is Load with the variables that must be set.
func loadFor(environ []string, needs func(variable) bool) (Config, error) {
	var (
		c      Config
		faults fault.List
	)
	checkLibraries(env.ToMap(environ), &faults)
	given := gather(env.ToMap(environ), needs, &faults)
	given.setTaskDefaults()
	for _, part := range c.parts() {
		parse(part, given, &faults)
	}
	c.resolveSource(given)
	if c.Data.Task == data.TaskNode && !given.has("CLIP_NORM") {
		c.Train.ClipNorm = 0 // a citation network has no fat tails, and its protocol does not clip
	}
	c.resolveEdges(given, &faults)
	c.check(given, &faults)
	given.rename(faults)
	c.rejected = rejectedBy(faults)
	c.Data.Signals = c.Train.Baselines.Signals()
	c.Train.BaselinesGiven = given.has("BASELINES")
	c.Source.Columns = c.Data.Features.Columns()
	c.Data.Symbol = c.IDs.Symbol
	return c, faults.Err()
}

// LoadLog reads how to log, with defaults in the place of what is wrong.
func LoadLog(environ []string) Log {
	var (
		l      Log
		faults fault.List
	)
	values := map[string]string{}
	for name, value := range env.ToMap(environ) {
		if name == "LOG_LEVEL" || name == "LOG_FORMAT" {
			values[name] = value
		}
	}
	parse(&l, settings{values: values}, &faults)
	return l
}

// addAll adds what another package's Validate found. All of it is the user's
// to correct.
func addAll(faults *fault.List, err error) {
	var found fault.List
	found.Add(err)
	for _, one := range found {
		f := *fault.Of(one)
		f.Kind = fault.ErrInput
		if f.Where == "" {
			f.Where = firstVariable(f.What)
		}
		faults.Add(&f)
	}
}

// firstVariable is the variable that a sentence names first; "": it names none.
func firstVariable(sentence string) string {
	known := knownNames()
	for _, word := range strings.FieldsFunc(sentence, func(r rune) bool { return r != '_' && !unicode.IsUpper(r) }) {
		if known[word] {
			return word
		}
	}
	return ""
}
