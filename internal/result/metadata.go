package result

import (
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// Metadata is metadata.json: what a reader of the model needs to feed it and
// to understand what it says. It rides inside model.pt too. It holds no time
// of day, so that the same run gives the same bytes.
type Metadata struct {
	FormatVersion int    `json:"format_version"` // set by JSON
	ModelType     string `json:"model_type"`     // as in MODEL_TYPE: gcn
	ModelName     string `json:"model_name"`
	QueueID       string `json:"queue_id"`
	Symbol        string `json:"symbol"` // the one that the run was asked for; a node of every market

	// FeatureNames [F] is the order of the columns of x.
	FeatureNames []string `json:"feature_names"`
	// Columns are those of FeatureNames that are columns of the candles' files,
	// given as they are.
	Columns []string `json:"columns,omitempty"`
	// What brings x to one scale [F], fitted on the training split: weights.pt
	// takes (x - mean) / std of x clipped to low and high; model.pt takes x, and
	// does it inside. A prepared graph has no low and high: it is not clipped.
	FeatureLow  Float32s `json:"feature_low,omitempty"`
	FeatureHigh Float32s `json:"feature_high,omitempty"`
	FeatureMean Float32s `json:"feature_mean"`
	FeatureStd  Float32s `json:"feature_std"`
	// LeftOut are features that the data could not support, and why.
	LeftOut []data.DroppedFeature `json:"left_out"`

	// Reference is the symbol whose return the feature reference_return is; empty:
	// no feature is it.
	Reference string `json:"reference_symbol,omitempty"`

	// MaxGap is the longest run of missing bars that a return is taken across, as
	// in MAX_GAP; 0 in results of versions before 0.3.
	MaxGap int `json:"max_gap,omitempty"`

	// Sessions says that the market has closing hours: bars are the times at which
	// some symbol has a candle, and the next bar of a Friday's last is Monday's
	// first.
	Sessions bool `json:"sessions,omitempty"`

	Symbols  []string `json:"symbols"`  // [N] node order, the rows of x
	Interval string   `json:"interval"` // length of a bar, as in INTERVAL: 5m; empty for a graph without time
	Horizon  int      `json:"horizon"`  // bars ahead that the first target looks
	Horizons []int    `json:"horizons"` // [H] of all targets, the columns of the logits [N, H, 3] where there are several
	Task     string   `json:"task"`     // as in TASK: direction, rank or return
	Outputs  int      `json:"outputs"`  // values of the model a node and horizon: the logits of the classes, or the score
	Classes  []string `json:"classes"`  // the columns of the logits; empty for a task without classes

	// Score says in a sentence what the score of a task without classes is.
	Score string `json:"score,omitempty"`

	Label  LabelRule   `json:"label"`
	Graph  GraphRule   `json:"graph"`
	Splits SplitRanges `json:"splits"`
	Fold   int         `json:"fold,omitempty"` // of a walk-forward, that the model and its splits are of

	Hidden int `json:"hidden"` // channels of a hidden layer
	Layers int `json:"layers"`
	Heads  int `json:"heads,omitempty"` // of attention, where the model has some

	Ensemble int `json:"ensemble,omitempty"` // networks in the model, where it is more than one

	InitFrom   string `json:"init_from,omitempty"`   // the run or file whose weights the training began with
	InitSHA256 string `json:"init_sha256,omitempty"` // of that weights.pt

	Encoder string `json:"encoder,omitempty"`        // network that reads each node's past; empty: none
	Window  int    `json:"encoder_window,omitempty"` // W, bars that it reads: x is [N, W, F]

	// NodeEmbedding is how many values the learned vector of each of Symbols has; 0:
	// there are none, and the model takes other symbols too.
	NodeEmbedding int `json:"node_embedding,omitempty"`

	// How the layers are joined, where it is not the default; as in RESIDUAL, NORM and
	// JK. JumpingKnowledge is none where the last layer gives the outputs, without a
	// linear head.
	Residual         bool    `json:"residual,omitempty"`
	Norm             string  `json:"norm,omitempty"`
	JumpingKnowledge string  `json:"jk,omitempty"`
	Alpha            float64 `json:"gcnii_alpha,omitempty"` // of MODEL_TYPE=gcnii
	Theta            float64 `json:"gcnii_theta,omitempty"`

	// Dataset is what dataset.pt holds; nil in results of versions before 0.3.
	Dataset *KeptSnapshots `json:"dataset,omitempty"`

	Versions Versions `json:"versions"`
}

// KeptSnapshots are those that dataset.pt holds.
type KeptSnapshots struct {
	Which     string `json:"which"` // as in DATASET: all, newest, test, or none: there is no dataset.pt
	Snapshots int    `json:"snapshots"`
	Of        int    `json:"of"` // snapshots that the run had
}

// LabelRule is how a return becomes a class.
type LabelRule struct {
	Target   string  `json:"target,omitempty"` // prices between which returns are measured, as in TARGET; empty for given classes
	DeadZone float64 `json:"dead_zone"`        // k of the rule
	Rule     string  `json:"rule"`             // one sentence
}

// GraphRule is how returns become edges. TopK and Threshold are nil where
// they were not used, as for a graph read from a file.
type GraphRule struct {
	Edges     string   `json:"edges,omitempty"` // edge types, as in EDGES; empty where they were given, and in results before 0.3
	Window    int      `json:"window"`          // bars that a correlation spans
	TopK      *int     `json:"top_k,omitempty"`
	Threshold *float64 `json:"threshold,omitempty"` // least correlation
	Returns   string   `json:"returns"`             // which returns are correlated, as in EDGE_RETURNS
	Density   float64  `json:"density"`             // mean over snapshots, and edge types, of E / (P (P-1)), P the nodes present

	// Every is how many bars the edges of each type last, 0 for those that stay;
	// empty: each bar has its own.
	Every []int    `json:"every,omitempty"`
	Ridge *float64 `json:"ridge,omitempty"` // of partial edges
	Dense bool     `json:"dense,omitempty"` // partial edges join all nodes, whatever TopK
	// Static are the edges of EDGES_FILE, and StaticSHA256 is its digest.
	Static       []data.StaticEdge `json:"static,omitempty"`
	StaticSHA256 string            `json:"static_sha256,omitempty"`
}

// Versions is what made the artefact.
type Versions struct {
	GNNTrainer string `json:"gnn_trainer"`
	Torch      string `json:"torch"` // libtorch
	Go         string `json:"go"`
}

// SplitRanges is where each split lies on the time axis, at the first horizon.
type SplitRanges struct {
	Train Span `json:"train"`
	Valid Span `json:"valid"`
	Test  Span `json:"test"`
	Live  Span `json:"live"`
	Gap   int  `json:"gap"` // snapshots of no split, whose returns reach into the next one
}

// Span is a split's snapshots, both ends included.
type Span struct {
	Count int    `json:"count"`
	First *int64 `json:"first"` // open_time, Unix ms; nil: an empty split, or a graph without time
	Last  *int64 `json:"last"`
}

// NewSplitRanges gathers the spans of splits [T], whose snapshots have open times
// [T], rising, in Unix ms; nil where the graph has no time.
func NewSplitRanges(splits []data.Split, openTimes []int64) (SplitRanges, error) {
	if openTimes != nil && len(openTimes) != len(splits) {
		return SplitRanges{}, fmt.Errorf("finding the splits: %d open times for %d snapshots", len(openTimes), len(splits))
	}
	var p SplitRanges
	spans := map[data.Split]*Span{data.Train: &p.Train, data.Valid: &p.Valid, data.Test: &p.Test, data.Live: &p.Live}
	for t, split := range splits {
		if split == data.Gap {
			p.Gap++
			continue
		}
		s := spans[split]
		if s == nil {
			return SplitRanges{}, fmt.Errorf("finding the splits: snapshot %d has split %q, which is none of train, valid, test, live, gap", t, split)
		}
		s.Count++
		if openTimes == nil {
			continue
		}
		if s.First == nil {
			s.First = new(openTimes[t])
		}
		s.Last = new(openTimes[t])
	}
	return p, nil
}

// JSON renders metadata.json. Fields that contradict each other, and values
// that a reader could not compute with, are an error.
func (m Metadata) JSON() ([]byte, error) {
	m.FormatVersion = FormatVersion
	if m.Classes == nil {
		m.Classes = []string{}
	}
	if m.LeftOut == nil {
		m.LeftOut = []data.DroppedFeature{}
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("encoding metadata: %w", err)
	}
	return encode(m)
}

func (m *Metadata) validate() error {
	f := len(m.FeatureNames)
	if f == 0 || len(m.FeatureMean) != f || len(m.FeatureStd) != f {
		return fmt.Errorf("%d feature names, %d means and %d deviations: each feature needs one of each", f, len(m.FeatureMean), len(m.FeatureStd))
	}
	if len(m.FeatureLow) != len(m.FeatureHigh) || m.FeatureLow != nil && len(m.FeatureLow) != f {
		return fmt.Errorf("%d feature names, %d lower and %d upper limits: each feature needs one of each, or none has any", f, len(m.FeatureLow), len(m.FeatureHigh))
	}
	for i := range m.FeatureLow {
		if low, high := float64(m.FeatureLow[i]), float64(m.FeatureHigh[i]); !finite(low) || !finite(high) || low > high {
			return fmt.Errorf("feature %s is clipped to %v and %v: both must be finite, and in this order", m.FeatureNames[i], low, high)
		}
	}
	for i, name := range m.FeatureNames {
		mean, std := float64(m.FeatureMean[i]), float64(m.FeatureStd[i])
		if !finite(mean) || !finite(std) || std <= 0 {
			return fmt.Errorf("feature %s has mean %v and deviation %v: both must be finite, and the deviation above 0", name, mean, std)
		}
	}
	if sorted := slices.Sorted(slices.Values(m.Symbols)); len(slices.Compact(sorted)) != len(m.Symbols) {
		return fmt.Errorf("a symbol occurs twice among the nodes %v", m.Symbols)
	}
	// The nodes of a graph from a file, which has no interval, may have no names.
	if m.Interval != "" && !slices.Contains(m.Symbols, m.Symbol) {
		return fmt.Errorf("symbol %s is not among the nodes %v", m.Symbol, m.Symbols)
	}
	return nil
}
