package evaluation

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// SplitMetrics is how good the predictions of one split are. What cannot be
// known (no labelled rows, one class only) is NaN, in JSON null.
type SplitMetrics struct {
	// Count is the number of labelled rows with probabilities. The predicted class is the most
	// probable one, the lower of two that are equal.
	Count int `json:"count"`
	// Accuracy is the share of labelled rows whose class was predicted.
	Accuracy Float `json:"accuracy"`
	// BalancedAccuracy is the mean recall of the classes among the labels.
	BalancedAccuracy Float `json:"balanced_accuracy"`
	// F1Macro is the mean F1 of the classes among labels or predictions.
	F1Macro Float `json:"f1_macro"`
	// MCC is Matthews' correlation of labels and predicted classes, for three
	// classes as Gorodkin has it (2004); NaN where either is of one class.
	MCC Float `json:"mcc"`
	// Brier is the mean over rows of the sum over classes of (p - [label])^2
	// (Brier, 1950), in [0, 2]; always predicting 1/3 has 2/3.
	Brier Float `json:"brier"`
	// LogLoss is the mean of -ln p(label), p clipped from below at 2^-52.
	LogLoss Float `json:"log_loss"`

	// ReturnCount is the number of rows with a return, the base of AUC.
	ReturnCount int `json:"return_count"`
	// AUC is that of the score against return > 0; see [AUC].
	AUC Float `json:"auc"`
	// AUCInterval is the AUC's, of days drawn with all their rows.
	AUCInterval Interval `json:"auc_interval"`
	// IC, the information coefficient, is the mean over snapshots of the
	// Pearson correlation of score and return across symbols. Snapshots with
	// fewer than three returns, or where either is constant, have none, so one
	// symbol alone has no IC. ICIR is mean over sample deviation of the same.
	// Grinold, Kahn: Active Portfolio Management, 2nd ed., chapter 6.
	IC   Float `json:"ic"`
	ICIR Float `json:"ic_ir"`
	// RankIC and RankICIR are the same with Spearman's correlation.
	RankIC   Float `json:"rank_ic"`
	RankICIR Float `json:"rank_ic_ir"`
	// ICT and RankICT are the means over their standard errors by Newey and West,
	// with lags for the returns' overlap at least; see [NeweyWest].
	ICT     Float `json:"ic_t"`
	RankICT Float `json:"rank_ic_t"`
	// ICInterval and RankICInterval are those of the means; see [MeanInterval].
	ICInterval     Interval `json:"ic_interval"`
	RankICInterval Interval `json:"rank_ic_interval"`
	// Precision is of the highest and the lowest scores of each snapshot.
	Precision Precision `json:"precision"`
	// ICSnapshots is the number of snapshots that have an IC.
	ICSnapshots int `json:"ic_snapshots"`

	ClassShares     ClassShares `json:"class_shares"`     // of the labels
	PredictedShares ClassShares `json:"predicted_shares"` // of the predicted classes of labelled rows
	// MajorityAccuracy is the accuracy of always predicting the class that is
	// commonest in the training split.
	MajorityAccuracy Float `json:"majority_accuracy"`
}

// HasClasses reports whether rows with labels had probabilities, or there were no
// rows at all.
func (m SplitMetrics) HasClasses() bool { return m.Count > 0 || m.ReturnCount == 0 }

// Of is the metric of a comparison: rank_ic or accuracy.
func (m SplitMetrics) Of(metric string) Float {
	if metric == "rank_ic" {
		return m.RankIC
	}
	return m.Accuracy
}

// ClassShares is the share of each class, in [0, 1].
type ClassShares struct {
	Down Float `json:"down"`
	Flat Float `json:"flat"`
	Up   Float `json:"up"`
}

// Splits has the metrics of each split.
type Splits struct {
	Train SplitMetrics `json:"train"`
	Valid SplitMetrics `json:"valid"`
	Test  SplitMetrics `json:"test"`
}

// Evaluate measures the rows of one split, in any order. The class commonest
// in the training split gives MajorityAccuracy; pyg.Unlabelled says there is
// none. A row that Validate rejects is an error.
func Evaluate(rows iter.Seq[Prediction], commonest int64) (SplitMetrics, error) {
	if (commonest < 0 || commonest >= int64(len(Classes))) && commonest != pyg.Unlabelled {
		return SplitMetrics{}, fmt.Errorf("evaluating predictions: commonest class %d is none of 0, 1, 2 and %d for no labels", commonest, pyg.Unlabelled)
	}
	var t tally
	for p := range rows {
		if err := t.add(&p); err != nil {
			return SplitMetrics{}, err
		}
	}
	return t.metrics(func(int) int64 { return commonest }), nil
}

// EvaluateFolds measures the rows of a walk-forward at one horizon: train and valid
// rows, which are the last fold's, and the test rows of all. commonest has the class
// commonest in each fold's training split, the first fold's first, or
// pyg.Unlabelled.
func EvaluateFolds(rows iter.Seq[Prediction], commonest []int64) (Splits, error) {
	splits, err := tallySplits(rows)
	if err != nil {
		return Splits{}, err
	}
	of := func(fold int) int64 {
		if fold < 1 || fold > len(commonest) {
			return pyg.Unlabelled
		}
		return commonest[fold-1]
	}
	return splits.metrics(of), nil
}

// EvaluateSplits measures train, valid and test rows of one horizon in one pass;
// live rows are left out. The commonest class is that of these rows' training split.
func EvaluateSplits(rows iter.Seq[Prediction]) (Splits, error) {
	splits, err := tallySplits(rows)
	if err != nil {
		return Splits{}, err
	}
	commonest := splits[string(data.Train)].commonest()
	return splits.metrics(func(int) int64 { return commonest }), nil
}

// tallies are those of the splits.
type tallies map[string]*tally

func tallySplits(rows iter.Seq[Prediction]) (tallies, error) {
	splits := tallies{string(data.Train): {}, string(data.Valid): {}, string(data.Test): {}, string(data.Live): {}}
	for p := range rows {
		t := splits[p.Split]
		if t == nil {
			return nil, fmt.Errorf("evaluating predictions: %w", p.Validate())
		}
		if err := t.add(&p); err != nil {
			return nil, err
		}
	}
	return splits, nil
}

func (t tallies) metrics(commonest func(fold int) int64) Splits {
	return Splits{
		Train: t[string(data.Train)].metrics(commonest),
		Valid: t[string(data.Valid)].metrics(commonest),
		Test:  t[string(data.Test)].metrics(commonest),
	}
}

// tally is what one pass over the rows of a split leaves to compute with.
type tally struct {
	confusion [][]int    // [label][predicted class]; nil: no row has classes
	logLoss   float64    // sum
	brier     float64    // sum
	horizon   int64      // bars, the longest
	realised  []realised // rows with a return
	labels    [][]int    // of each fold by class, where folds are counted
}

func (t *tally) add(p *Prediction) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("evaluating predictions: %w", err)
	}
	t.horizon = max(t.horizon, p.Horizon)
	if p.Return != nil {
		t.realised = append(t.realised, realised{p.OpenTime, p.Score, *p.Return})
	}
	if p.Label == nil || !p.HasClasses() {
		return nil
	}
	if t.confusion == nil {
		for range p.numClasses() {
			t.confusion = append(t.confusion, make([]int, p.numClasses()))
		}
	}
	if len(t.confusion) != p.numClasses() {
		return fmt.Errorf("evaluating predictions: rows of %d and of %d classes", len(t.confusion), p.numClasses())
	}
	t.confusion[*p.Label][p.class()]++
	for int(p.Fold) >= len(t.labels) {
		t.labels = append(t.labels, make([]int, p.numClasses()))
	}
	t.labels[p.Fold][*p.Label]++
	t.logLoss += logLoss(p.probability(int(*p.Label)))
	for c := range p.numClasses() {
		v := p.probability(c)
		if int64(c) == *p.Label {
			v--
		}
		t.brier += v * v
	}
	return nil
}

// logLoss is that of the probability of what happened.
func logLoss(p float64) float64 { return -math.Log(max(p, 0x1p-52)) }

// classes counts the labelled rows by label and by predicted class: the sums
// over the rows and over the columns of the confusion matrix.
func (t *tally) classes() (labelled, predicted []int, count int) {
	labelled, predicted = make([]int, len(t.confusion)), make([]int, len(t.confusion))
	for label, row := range t.confusion {
		for class, n := range row {
			labelled[label] += n
			predicted[class] += n
			count += n
		}
	}
	return labelled, predicted, count
}

// commonest is the class with the most labels, the lower of equals, or
// pyg.Unlabelled.
func (t *tally) commonest() int64 {
	labelled, _, count := t.classes()
	if count == 0 {
		return pyg.Unlabelled
	}
	best := 0
	for c, n := range labelled {
		if n > labelled[best] {
			best = c
		}
	}
	return int64(best)
}

// metrics are those of the rows; commonest is the class commonest in the training
// split of a fold.
func (t *tally) metrics(commonest func(fold int) int64) SplitMetrics {
	labelled, predicted, count := t.classes()
	var hits, classesWithLabel, classesSeen int
	var recalls, f1s float64
	for c := range t.confusion {
		hit := t.confusion[c][c]
		hits += hit
		if labelled[c] > 0 {
			classesWithLabel++
			recalls += ratio(float64(hit), labelled[c])
		}
		if seen := labelled[c] + predicted[c]; seen > 0 {
			classesSeen++
			f1s += ratio(2*float64(hit), seen)
		}
	}
	m := SplitMetrics{
		Count:            count,
		Accuracy:         Float(ratio(float64(hits), count)),
		BalancedAccuracy: Float(ratio(recalls, classesWithLabel)),
		F1Macro:          Float(ratio(f1s, classesSeen)),
		LogLoss:          Float(ratio(t.logLoss, count)),
		Brier:            Float(ratio(t.brier, count)),
		MCC:              Float(matthews(labelled, predicted, hits, count)),
		ClassShares:      shares(labelled, count),
		PredictedShares:  shares(predicted, count),
		MajorityAccuracy: t.majority(commonest, count),
	}
	t.ranking(&m)
	return m
}

// majority is the share of rows whose label is the class commonest in their fold's
// training split; NaN where one of them has none.
func (t *tally) majority(commonest func(fold int) int64, count int) Float {
	hits := 0
	for fold, labels := range t.labels {
		class := commonest(fold)
		switch {
		case !slices.ContainsFunc(labels, func(n int) bool { return n > 0 }):
		case class == pyg.Unlabelled:
			return Float(math.NaN())
		default:
			hits += labels[class]
		}
	}
	return Float(ratio(float64(hits), count))
}

// matthews is the correlation of labels and predicted classes from their counts.
func matthews(labelled, predicted []int, hits, count int) float64 {
	n := float64(count)
	both, ofLabels, ofPredictions := 0.0, n*n, n*n
	for c := range labelled {
		l, p := float64(labelled[c]), float64(predicted[c])
		both += l * p
		ofLabels -= l * l
		ofPredictions -= p * p
	}
	if ofLabels == 0 || ofPredictions == 0 {
		return math.NaN()
	}
	return (float64(hits)*n - both) / math.Sqrt(ofLabels*ofPredictions)
}

// shares are those of the directions; of other classes there are none.
func shares(byClass []int, count int) ClassShares {
	if len(byClass) != len(Classes) {
		none := Float(math.NaN())
		return ClassShares{none, none, none}
	}
	share := func(c int) Float { return Float(ratio(float64(byClass[c]), count)) }
	return ClassShares{Down: share(0), Flat: share(1), Up: share(2)}
}

// ratio is a share of n, NaN where there is nothing to share.
func ratio(v float64, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return v / float64(n)
}
