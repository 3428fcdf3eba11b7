package job

import (
	"context"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/store"
)

// artefacts are the files of a result, and what is stored of them so far.
type artefacts struct {
	store  ArtefactStore
	files  []store.FileInfo
	inputs func() *store.Inputs // what the data were, for the manifest; it may wait
}

// put stores one file and adds it to the manifest to come.
func (a *artefacts) put(ctx context.Context, name string, write func(io.Writer) error) error {
	info, err := a.store.Put(ctx, name, write)
	if err == nil {
		a.files = append(a.files, info)
	}
	return err
}

func (a *artefacts) putBytes(ctx context.Context, name string, content []byte) error {
	return a.put(ctx, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// putModel stores the model in both forms, and what it needs to be fed.
func putModel(ctx context.Context, a *artefacts, t *trainer, predictor train.Predictor, m result.Metadata) error {
	if err := putNetwork(ctx, a, "", t, predictor, m); err != nil {
		return err
	}
	metadata, err := m.JSON()
	if err != nil {
		return err
	}
	return a.putBytes(ctx, "metadata.json", metadata)
}

// putNetwork stores a network in both forms, in a folder of the result; empty: in
// the result's own.
func putNetwork(ctx context.Context, a *artefacts, dir string, t *trainer, predictor train.Predictor, m result.Metadata) error {
	d := t.loaded.dataset
	exporter, ok := predictor.(train.Exporter)
	if !ok {
		return fault.Internal("a predictor of type %T cannot be stored", predictor)
	}
	metadata, err := m.JSON()
	if err != nil {
		return err
	}
	compared := d.Input(d.Len()-1, t.config.Model.Network().Window)
	if m.NodeEmbedding == 0 { // else the model takes all its nodes or none
		compared = sample(compared)
	}
	file, state, err := exporter.Export(metadata, compared)
	if err != nil {
		return err
	}
	if err := a.putBytes(ctx, path.Join(dir, "model.pt"), file); err != nil {
		return err
	}
	return a.put(ctx, path.Join(dir, "weights.pt"), func(w io.Writer) error { return pyg.Save(w, state) })
}

// sampleNodes bounds the graph that the exported model is compared on.
const sampleNodes = 4096

// sample is the graph of g's first nodes.
func sample(g pyg.Data) pyg.Data {
	if g.NumNodes <= sampleNodes {
		return g
	}
	s := pyg.Data{NumNodes: sampleNodes, NumFeatures: g.NumFeatures, Window: g.Window, X: g.X[:sampleNodes*max(g.Window, 1)*g.NumFeatures]}
	if g.NodeMask != nil {
		s.NodeMask = g.NodeMask[:sampleNodes]
	}
	var targets []int64
	for k, source := range g.Sources() {
		if target := g.Targets()[k]; source < sampleNodes && target < sampleNodes {
			s.EdgeIndex = append(s.EdgeIndex, source)
			targets = append(targets, target)
			if g.EdgeWeight != nil {
				s.EdgeWeight = append(s.EdgeWeight, g.EdgeWeight[k])
			}
		}
	}
	s.EdgeIndex = append(s.EdgeIndex, targets...)
	return s
}

// putResult stores the metrics and, last of all, the manifest.
func (a *artefacts) putResult(ctx context.Context, m result.Metrics, status store.Status, settings, versions map[string]string) error {
	content, err := m.JSON()
	if err != nil {
		return err
	}
	if err := a.putBytes(ctx, "metrics.json", content); err != nil {
		return err
	}
	return a.store.PutManifest(ctx, store.Manifest{Status: status, Created: time.Now(), Files: a.files, Config: settings, Versions: versions, Inputs: a.inputs()})
}

// classes are those that a task predicts, by the columns of its probabilities.
func classes(task nn.Task) []string {
	var names []string
	for _, column := range task.Columns() {
		if name, ok := strings.CutPrefix(column, "p_"); ok {
			names = append(names, name)
		}
	}
	return names
}

// scoreRules say what the score of a task without classes is.
var scoreRules = map[string]string{
	data.TaskRank:   "the log return over horizon bars, divided by the volatility sigma at the bar and by sqrt(horizon), clipped to +-6, less its mean over the bar's nodes, as far as it can be foreseen",
	data.TaskReturn: "the log return over horizon bars, divided by the volatility sigma at the bar and by sqrt(horizon), clipped to +-6, as far as it can be foreseen",
}

// taskOf is the task of a TASK, with the classes of a dataset.
func taskOf(name string, d *data.Dataset) (nn.Task, error) {
	task, err := nn.NewTask(name)
	if err != nil {
		return nil, err
	}
	return nn.OfClasses(task, d.Targets.NumClasses()), nil
}

// describeLayers adds how the layers are joined, where it is not the default.
func describeLayers(m *result.Metadata, all config.Config) {
	c := all.Model
	reads := func(variable string) bool { return slices.Contains(catalog.Readers(variable), c.Type) }
	if all.Network().DirectOutputs() && (reads("JK") || c.Type == "none") {
		m.JumpingKnowledge = result.NoHead
	}
	if reads("RESIDUAL") {
		m.Residual = c.Residual
	}
	if reads("NORM") && c.Norm != catalog.NormNone {
		m.Norm = c.Norm
	}
	if reads("JK") && c.Jump != catalog.JumpLast {
		m.JumpingKnowledge = c.Jump
	}
	if reads("GCNII_ALPHA") {
		m.Alpha, m.Theta = c.Alpha, c.Theta
	}
}

// newMetadata describes the model of a run.
func newMetadata(c config.Config, version string, d *data.Dataset) (result.Metadata, error) {
	task, err := taskOf(c.Data.Task, d)
	if err != nil {
		return result.Metadata{}, err
	}
	ranges, err := result.NewSplitRanges(d.Splits, d.OpenTimes())
	if err != nil {
		return result.Metadata{}, err
	}
	m := result.Metadata{
		ModelType: c.Model.Type, ModelName: c.Store.ModelName, QueueID: c.IDs.QueueID, Symbol: c.IDs.Symbol,
		FeatureNames: d.Features, Columns: d.Given, FeatureLow: d.Low, FeatureHigh: d.High, FeatureMean: d.Mean, FeatureStd: d.Std, LeftOut: d.Dropped, Reference: d.Reference,
		Symbols: d.Symbols, Horizon: d.Targets.Horizons[0], Horizons: d.Targets.Horizons, Task: c.Data.Task, Outputs: task.Outputs(), Classes: classes(task), Score: scoreRules[c.Data.Task],
		Splits: ranges, Fold: d.Number,
		Hidden: c.Model.Hidden, Layers: c.Model.Layers, Heads: c.Model.EffectiveHeads(), Window: c.Model.Network().Window, NodeEmbedding: c.Model.NodeEmbedding,
		Graph:    result.GraphRule{Density: d.Density},
		Versions: result.Versions{GNNTrainer: version, Torch: torch.Version(), Go: runtime.Version()},
	}
	if c.Model.Network().Encoded() {
		m.Encoder = c.Model.Encoder
	}
	if c.Model.Members > 1 {
		m.Ensemble = c.Model.Members
	}
	describeLayers(&m, c)
	if d.Timeless() {
		m.Label.Rule = "classes as the graph's file has them"
		return m, nil
	}
	m.Interval = c.Source.Interval
	if d.Targets.Given {
		m.Label.Rule = "classes as the prepared graph has them"
	} else {
		m.Label = result.LabelRule{
			Target: d.Targets.Target, DeadZone: data.DeadZone,
			Rule: "up (down) where the log return over horizon bars is above (below) +-dead_zone * volatility_24 * sqrt(horizon), else flat",
		}
	}
	if d.EdgesGiven {
		return m, nil
	}
	m.Sessions = d.Axis.Times != nil
	m.SetRecipe(c.Data.Recipe)
	return m, nil
}
