package job

import (
	"context"
	"io"
	"runtime"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/store"
)

// put stores one artefact and remembers it for the manifest.
func (r *run) put(ctx context.Context, name string, write func(io.Writer) error) error {
	info, err := r.Store.Put(ctx, name, write)
	if err == nil {
		r.files = append(r.files, info)
	}
	return err
}

func (r *run) putBytes(ctx context.Context, name string, content []byte) error {
	return r.put(ctx, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// putGraph stores all snapshots, and the newest one apart.
func (r *run) putGraph(ctx context.Context) error {
	d := r.dataset
	if err := r.put(ctx, "dataset.pt", func(w io.Writer) error { return pyg.SaveCollated(w, d.Len(), d.Snapshot) }); err != nil {
		return err
	}
	return r.put(ctx, "graph.pt", func(w io.Writer) error {
		newest := d.Snapshot(d.Len() - 1)
		return pyg.Save(w, newest.Dict())
	})
}

// putModel stores the model in both forms, and what it needs to be fed.
func (r *run) putModel(ctx context.Context, model *nn.GCN) error {
	r.enter(metrics.StoringModel, kafka.StoringModel)
	metadata, err := r.metadata()
	if err != nil {
		return err
	}
	var file []byte
	var state *pyg.Dict
	err = r.thread.Do(func() (err error) {
		file, err = model.Export(nn.ExportOptions{
			Mean: r.dataset.Mean, Std: r.dataset.Std, Metadata: metadata, Sample: sample(r.dataset.Snapshot(r.dataset.Len() - 1)),
		})
		state = model.StateDict()
		return err
	})
	if err != nil {
		return err
	}
	if err := r.putBytes(ctx, "model.pt", file); err != nil {
		return err
	}
	if err := r.put(ctx, "weights.pt", func(w io.Writer) error { return pyg.Save(w, state) }); err != nil {
		return err
	}
	return r.putBytes(ctx, "metadata.json", metadata)
}

// sampleNodes bounds the graph that the exported model is compared on.
const sampleNodes = 4096

// sample is the graph of g's first nodes.
func sample(g pyg.Data) pyg.Data {
	if g.NumNodes <= sampleNodes {
		return g
	}
	s := pyg.Data{NumNodes: sampleNodes, NumFeatures: g.NumFeatures, X: g.X[:sampleNodes*g.NumFeatures]}
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
func (r *run) putResult(ctx context.Context, m result.Metrics, status store.Status) error {
	content, err := m.JSON()
	if err != nil {
		return err
	}
	if err := r.putBytes(ctx, "metrics.json", content); err != nil {
		return err
	}
	err = r.Store.PutManifest(ctx, store.Manifest{
		Status: status, Created: time.Now(), Files: r.files, Config: r.Config.Public(),
		Versions: map[string]string{"gnn_trainer": r.Version, "torch": torch.Version(), "go": runtime.Version()},
	})
	if err == nil {
		r.Metrics.ModelSaved()
	}
	return err
}

func (r *run) metadata() ([]byte, error) {
	c, d := r.Config, r.dataset
	parts, err := result.NewParts(d.Splits, d.OpenTimes())
	if err != nil {
		return nil, err
	}
	m := result.Metadata{
		ModelType: c.Model.Type, ModelName: c.Store.ModelName, QueueID: c.IDs.QueueID, Symbol: c.IDs.Symbol,
		FeatureNames: d.Features, FeatureMean: d.Mean, FeatureStd: d.Std, LeftOut: d.LeftOut,
		Symbols: d.Symbols, Horizon: d.Horizon, Task: c.Data.Task,
		Splits: parts,
		Hidden: c.Model.Hidden, Layers: c.Model.Layers,
		Graph:    result.GraphRule{Density: d.Density},
		Versions: result.Versions{GNNTrainer: r.Version, Torch: torch.Version(), Go: runtime.Version()},
	}
	if d.Interval == 0 {
		m.Label.Rule = "classes as the graph's file has them"
		return m.JSON()
	}
	m.Interval = c.Source.Interval
	if d.LabelsGiven {
		m.Label.Rule = "classes as the prepared graph has them"
	} else {
		m.Label = result.LabelRule{
			DeadZone: data.DeadZone,
			Rule:     "up (down) where the log return over horizon bars is above (below) +-dead_zone * volatility_24 * sqrt(horizon), else flat",
		}
	}
	if d.EdgesGiven {
		return m.JSON()
	}
	m.Graph.Window, m.Graph.Returns, m.Graph.Threshold = c.Data.GraphWindow, c.Data.EdgeReturns, c.Data.EdgeThreshold
	if c.Data.EdgeThreshold == nil {
		m.Graph.TopK = new(c.Data.EdgeTopK)
	}
	return m.JSON()
}
