// Package result holds what a run reports about itself: metrics.json and
// metadata.json. Facts of the run enter; bytes of the two artefacts leave. It
// runs no model and stores nothing.
package result

import (
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/audit"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// FormatVersion is that of metrics.json and metadata.json. It grows when a
// field changes its meaning or goes, not when one is added.
const FormatVersion = 1

// Metrics is metrics.json: how good the model is, against what, and what it
// cost.
type Metrics struct {
	FormatVersion int               `json:"format_version"`     // set by JSON
	Splits        evaluation.Splits `json:"splits"`             // all symbols, at the first horizon
	Horizons      []HorizonMetrics  `json:"horizons,omitempty"` // each, where there are several
	Symbol        SymbolMetrics     `json:"symbol"`
	// Baselines are what the model is compared with, by name. Baseline is
	// no_edges of them, under the name of version 0.1; nil: not run.
	Baselines map[string]Baseline `json:"baselines,omitempty"`
	// Selection is how the network was chosen that the result is of.
	Selection *Selection `json:"selection,omitempty"`
	Baseline  *Baseline  `json:"baseline,omitempty"`
	// Tuning is how settings were searched; nil: they were not.
	Tuning *Tuning `json:"tuning,omitempty"`
	// Calibration is that of the model's probabilities at the first horizon; nil:
	// it has none, or no labels to compare them with.
	Calibration *evaluation.Calibration `json:"calibration,omitempty"`
	// Backtest is what positions by the model's scores would have earned on the
	// test split at the first horizon; nil: there are no returns.
	Backtest *evaluation.Backtest `json:"backtest,omitempty"`
	// Comparisons are the model's with each baseline, on the test split at the
	// first horizon.
	Comparisons []evaluation.Comparison `json:"comparisons,omitempty"`
	// Differences are those of the mean correlations from each baseline's on the test
	// split, at each horizon; nil: there are no returns.
	Differences []evaluation.Difference `json:"differences,omitempty"`
	// Verdict is what they come to.
	Verdict Verdict `json:"verdict"`
	// Importance is what each feature is worth to the model; nil: not measured.
	Importance *Importance `json:"importance,omitempty"`
	// Folds are those of a walk-forward in time order; nil: there is one split. The
	// test split above is of all of them, each row predicted by its own fold's model;
	// train and valid, and what follows below, are the last one's.
	Folds []FoldMetrics `json:"folds,omitempty"`
	// Audit is what the short audit of the data found.
	Audit *audit.Report `json:"audit,omitempty"`
	Graph GraphSize     `json:"graph"`
	Data  source.Report `json:"data"` // what was corrected while reading

	BestEpoch    int  `json:"best_epoch"`    // from 1: the one whose weights were kept
	EpochsRun    int  `json:"epochs_run"`    // those of earlier starts of the same run included
	StoppedEarly bool `json:"stopped_early"` // PATIENCE ran out before EPOCHS

	Timing  Timing  `json:"timing"`
	History History `json:"history"`
}

// WithEdges is the network with edges, as a choice of SELECT, and as a baseline
// where SELECT=best left it for the one without.
const WithEdges = "with_edges"

// Selection is which network model.pt is: all but the baselines is about it.
type Selection struct {
	Select   string `json:"select"`   // as in SELECT
	Selected string `json:"selected"` // with_edges or no_edges
	// ValidLoss is the validation loss of each network that could be selected, at its
	// best epoch of the first fold; nil: there was no choice, or a stop came before it.
	ValidLoss map[string]evaluation.Float `json:"valid_loss,omitempty"`
	// ValidMetric is history's metric of each, the higher of which is selected; nil: the
	// loss decides.
	ValidMetric map[string]evaluation.Float `json:"valid_metric,omitempty"`
}

// HorizonMetrics is one horizon's own rows.
type HorizonMetrics struct {
	Horizon int               `json:"horizon"` // bars
	Splits  evaluation.Splits `json:"splits"`
}

// SymbolMetrics is SYMBOL's own rows apart. The commonest class is that of
// its own training rows.
type SymbolMetrics struct {
	Name   string            `json:"name"`
	Splits evaluation.Splits `json:"splits"`
}

// Baseline is a method that the model has to beat. no_edges is the same model,
// trained the same way, without what a graph adds: the difference is what the
// edges are worth.
type Baseline struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Splits      evaluation.Splits `json:"splits"`
	Horizons    []HorizonMetrics  `json:"horizons,omitempty"`

	Backtest *evaluation.Backtest `json:"backtest,omitempty"` // as the model's

	Folds []BaselineFold `json:"folds,omitempty"`
}

// Selection are the metrics that baselines are chosen by, so that the test split
// does not choose: of the valid split; of several folds the first one's, since the
// others lie in test windows of folds before.
func (b Baseline) Selection() evaluation.SplitMetrics {
	if len(b.Folds) > 0 {
		return b.Folds[0].Valid
	}
	return b.Splits.Valid
}

// FoldMetrics are those of the model of one fold.
type FoldMetrics struct {
	Fold     int               `json:"fold"`   // from 1
	Ranges   FoldRanges        `json:"ranges"` // what of time it trained, validated and tested on
	Splits   evaluation.Splits `json:"splits"` // at the first horizon
	Horizons []HorizonMetrics  `json:"horizons,omitempty"`

	BestEpoch    int     `json:"best_epoch"`
	EpochsRun    int     `json:"epochs_run"`
	StoppedEarly bool    `json:"stopped_early"`
	History      History `json:"history"`
}

// FoldRanges is where the splits of a fold lie on the time axis. None is empty.
type FoldRanges struct {
	Train FoldRange `json:"train"`
	Valid FoldRange `json:"valid"`
	Test  FoldRange `json:"test"`
}

// FoldRange is a split's snapshots, both ends included.
type FoldRange struct {
	Count int   `json:"count"`
	First int64 `json:"first"` // open_time, Unix ms
	Last  int64 `json:"last"`
}

// NewFoldRange is that of some snapshots (numbers, rising) of those with open times.
func NewFoldRange(snapshots []int, openTimes []int64) FoldRange {
	return FoldRange{len(snapshots), openTimes[snapshots[0]], openTimes[snapshots[len(snapshots)-1]]}
}

// BaselineFold are the metrics of a baseline of one fold, at the first horizon.
type BaselineFold struct {
	Fold  int                     `json:"fold"`
	Valid evaluation.SplitMetrics `json:"valid"`
	Test  evaluation.SplitMetrics `json:"test"`
}

// Importance is how much worse the model predicts where one feature is permuted.
type Importance struct {
	Split     string              `json:"split"`     // valid: the test split is not used up by a choice of features
	Snapshots int                 `json:"snapshots"` // of it, evenly spread, that were predicted again
	Features  []FeatureImportance `json:"features"`  // [F]
}

// FeatureImportance is that of one feature.
type FeatureImportance struct {
	Feature string `json:"feature"`
	// Across is what its values were permuted among: the symbols of a snapshot; or
	// time, for a feature that is the same at all symbols.
	Across string `json:"across"`
	evaluation.Drop
}

// GraphSize is how large and how full the snapshots are.
type GraphSize struct {
	Nodes            int              `json:"nodes"`              // N
	EdgesPerSnapshot evaluation.Float `json:"edges_per_snapshot"` // mean of E
	Density          evaluation.Float `json:"density"`            // mean of E / (P (P-1)), P the nodes present
}

// Timing is wall-clock seconds.
type Timing struct {
	LoadSeconds     float64   `json:"load_seconds"`     // from the source to snapshots
	TrainSeconds    float64   `json:"train_seconds"`    // all epochs, validation included
	EpochSeconds    []float64 `json:"epoch_seconds"`    // [epochs_run], of all folds one after the other
	BaselineSeconds float64   `json:"baseline_seconds"` // of no_edges
	ShuffledSeconds float64   `json:"shuffled_seconds"` // of shuffled_edges
	MixerSeconds    float64   `json:"mixer_seconds"`    // of mixer
	// BaselinesSeconds are those of all other baselines together.
	BaselinesSeconds  float64 `json:"baselines_seconds"`
	ImportanceSeconds float64 `json:"importance_seconds"` // of the importance of features
	TuneSeconds       float64 `json:"tune_seconds"`       // of the search of settings, in this start of the run
	TotalSeconds      float64 `json:"total_seconds"`      // of this start of the run

	// For how long of that the training waited for others.
	CheckpointSeconds float64 `json:"checkpoint_seconds"` // to store its checkpoints
	TelemetrySeconds  float64 `json:"telemetry_seconds"`  // to emit its epochs
}

// History is the course of training: one value an epoch.
type History struct {
	TrainLoss []evaluation.Float `json:"train_loss"`
	ValidLoss []evaluation.Float `json:"valid_loss"`
	ValidAUC  []evaluation.Float `json:"valid_auc"`

	// Metric names the metric that decided which epoch is the best, such as rank_ic;
	// "": the loss did.
	Metric      string             `json:"metric,omitempty"`
	ValidMetric []evaluation.Float `json:"valid_metric,omitempty"`
}

// Add appends an epoch. NaN is what could not be measured.
func (h *History) Add(trainLoss, validLoss, validAUC float64) {
	h.TrainLoss = append(h.TrainLoss, evaluation.Float(trainLoss))
	h.ValidLoss = append(h.ValidLoss, evaluation.Float(validLoss))
	h.ValidAUC = append(h.ValidAUC, evaluation.Float(validAUC))
}

// JSON renders metrics.json. Lists of a run that ended before its first
// epoch are empty, not null; timings that are not finite are an error.
func (m Metrics) JSON() ([]byte, error) {
	m.FormatVersion = FormatVersion
	if m.Timing.EpochSeconds == nil {
		m.Timing.EpochSeconds = []float64{}
	}
	m.History.fill()
	for k := range m.Folds {
		m.Folds[k].History.fill()
	}
	return encode(m)
}

// fill makes lists that are nil empty.
func (h *History) fill() {
	for _, list := range []*[]evaluation.Float{&h.TrainLoss, &h.ValidLoss, &h.ValidAUC} {
		if *list == nil {
			*list = []evaluation.Float{}
		}
	}
}
