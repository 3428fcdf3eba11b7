package job

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// logStored logs what writeSummary shows a person.
func logStored(m result.Metrics, modelPath string, log zerolog.Logger) {
	e := log.Info().Int("best_epoch", m.BestEpoch)
	if m.Splits.Test.HasClasses() {
		e = e.Float64("test_accuracy", round(m.Splits.Test.Accuracy)).Float64("test_majority_accuracy", round(m.Splits.Test.MajorityAccuracy))
	} else {
		e = e.Float64("test_rank_ic", round(m.Splits.Test.RankIC))
	}
	e = e.Float64("test_auc", round(m.Splits.Test.AUC))
	if m.Baseline != nil {
		e = e.Float64("test_auc_without_edges", round(m.Baseline.Splits.Test.AUC))
	}
	e.Float64("seconds", round(evaluation.Float(m.Timing.TotalSeconds))).Str("model", modelPath).Msg("stored")
}

func round(v evaluation.Float) float64 { return math.Round(float64(v)*1e4) / 1e4 }

// margin is the width of the names at the left of a summary.
const margin = 8

// writeSummary writes what a person wants to know of a run: its data, how good
// the model is beside the baseline, where the files are, and the commands that
// use them. Its lines take fewer than columns, of which there are 60 or more;
// only a long path may take more.
func writeSummary(w io.Writer, columns int, c config.Config, e Ending) error {
	var b strings.Builder
	line := func(name, format string, a ...any) {
		fmt.Fprintf(&b, "%-*s%s\n", margin, name, fmt.Sprintf(format, a...))
	}
	m := e.Result.Metadata
	b.WriteString("\n")
	line("data", "%s", describeData(c.Source.Source, m))
	if span := dates(m.Splits); span != "" {
		line("", "%s", span)
	}
	line("model", "%s, best epoch %d of %d%s%s", m.ModelType, e.Result.Metrics.BestEpoch, e.Result.Metrics.EpochsRun, ofFold(m), howFitted(e))
	b.WriteString("\n")
	writeScores(&b, columns, e.Result.Metrics)
	list, verdict := verdicts(e.Result.Metrics), e.Result.Metrics.Verdict.Sentence
	if len(list) > 0 || verdict != "" {
		b.WriteString("\n")
	}
	if verdict != "" { // it is not in results before 0.3
		line("verdict", "%s", verdict)
	}
	for _, v := range list {
		line(v.about, "%s", v.sentence())
	}
	if costs := afterCosts(e.Result.Metrics); costs != "" {
		line("costs", "%s", costs)
	}
	b.WriteString("\n")
	place := placeOf(e.ModelPath)
	line("files", "%s", place)
	if e.Stored { // results before 0.3 have none
		line("report", "%s/report.html", place)
	}
	if !strings.Contains(place, "://") {
		line("check", "python examples/load_model.py %s", quoted(place))
	}
	call := useInPython(place, c)
	if word, _, _ := strings.Cut(call, " "); margin+utf8.RuneCountInString(word) >= columns {
		call = strings.Replace(call, "(", "( ", 1) // Python may break there
	}
	line("python", "%s", call)
	_, err := io.WriteString(w, progress.Wrap(b.String(), columns, margin))
	return err
}

func describeData(from string, m result.Metadata) string {
	bars := m.Splits.Train.Count + m.Splits.Valid.Count + m.Splits.Test.Count + m.Splits.Live.Count + m.Splits.Gap
	if m.Interval == "" {
		if bars == 1 {
			return fmt.Sprintf("%s, %d nodes, one snapshot", from, len(m.Symbols))
		}
		return fmt.Sprintf("%s, %d nodes, %d snapshots", from, len(m.Symbols), bars)
	}
	return fmt.Sprintf("%s, %d symbols, %d bars of %s", from, len(m.Symbols), bars, m.Interval)
}

// dates is the range of open times; empty where the graph has no time.
func dates(p result.SplitRanges) string {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range []result.Span{p.Train, p.Valid, p.Test, p.Live} {
		if s.First != nil && s.Last != nil {
			first, last = min(first, *s.First), max(last, *s.Last)
		}
	}
	if first > last {
		return ""
	}
	const format = "2006-01-02 15:04"
	return time.UnixMilli(first).UTC().Format(format) + " to " + time.UnixMilli(last).UTC().Format(format) + " UTC"
}

// ofFold says which fold of a walk-forward the model is of.
func ofFold(m result.Metadata) string {
	if m.Fold == 0 {
		return ""
	}
	return fmt.Sprintf(" in fold %d", m.Fold)
}

func howFitted(e Ending) string {
	switch {
	case e.InterruptedBy != nil:
		return ", interrupted"
	case e.Result.Metrics.StoppedEarly:
		return ", early stop"
	}
	return ""
}

// column is one of the table.
type column struct {
	name string
	of   func(evaluation.SplitMetrics) evaluation.Float
}

var (
	accuracy = column{"accuracy", func(m evaluation.SplitMetrics) evaluation.Float { return m.Accuracy }}
	auc      = column{"AUC", func(m evaluation.SplitMetrics) evaluation.Float { return m.AUC }}
	rankIC   = column{"rank IC", func(m evaluation.SplitMetrics) evaluation.Float { return m.RankIC }}
	ic       = column{"IC", func(m evaluation.SplitMetrics) evaluation.Float { return m.IC }}
	rankICT  = column{"t", func(m evaluation.SplitMetrics) evaluation.Float { return m.RankICT }}
	logLoss  = column{"log loss", func(m evaluation.SplitMetrics) evaluation.Float { return m.LogLoss }}
	balanced = column{"balanced accuracy", func(m evaluation.SplitMetrics) evaluation.Float { return m.BalancedAccuracy }}
	f1       = column{"F1", func(m evaluation.SplitMetrics) evaluation.Float { return m.F1Macro }}
)

// columnsOf are those of the table, the most wanted first: of a task without
// classes those that need none.
func columnsOf(test evaluation.SplitMetrics) []column {
	if test.HasClasses() {
		return []column{accuracy, auc, rankIC, ic, logLoss, balanced, f1}
	}
	return []column{rankIC, ic, auc, rankICT}
}

// foldsShown is how many folds a table may show; of more it shows none.
const foldsShown = 12

// writeScores writes the metrics of the test split, as many as fit.
func writeScores(b *strings.Builder, columns int, m result.Metrics) {
	type row struct {
		name string
		of   evaluation.SplitMetrics
	}
	rows := []row{{"model", m.Splits.Test}}
	if len(m.Folds) <= foldsShown {
		for _, f := range m.Folds {
			rows = append(rows, row{fmt.Sprintf("in fold %d", f.Fold), f.Splits.Test})
		}
	}
	if test := m.Symbol.Splits.Test; m.Symbol.Name != "" && max(test.Count, test.ReturnCount) > 0 {
		rows = append(rows, row{m.Symbol.Name + " alone", m.Symbol.Splits.Test})
	}
	for _, v := range verdicts(m) {
		rows = append(rows, row{readable(v.Against), m.Baselines[v.Against].Splits.Test})
	}
	majority := evaluation.SplitMetrics{Accuracy: m.Splits.Test.MajorityAccuracy}
	for _, f := range []*evaluation.Float{&majority.AUC, &majority.RankIC, &majority.IC, &majority.LogLoss, &majority.BalancedAccuracy, &majority.F1Macro} {
		*f = evaluation.Float(math.NaN())
	}
	if m.Splits.Test.HasClasses() {
		rows = append(rows, row{"majority class", majority})
	}
	names := 0
	for _, r := range rows {
		names = max(names, utf8.RuneCountInString(r.name))
	}
	lines := make([]string, len(rows)+1)
	lines[0] = fmt.Sprintf("%-*s%-*s", margin, "test", names, "")
	for i, r := range rows {
		lines[i+1] = fmt.Sprintf("%-*s%-*s", margin, "", names, r.name)
	}
	for _, s := range columnsOf(m.Splits.Test) {
		width := 2 + max(len(s.name), len("-0.0000"))
		if utf8.RuneCountInString(lines[0])+width >= columns {
			break
		}
		lines[0] += fmt.Sprintf("%*s", width, s.name)
		for i, r := range rows {
			lines[i+1] += fmt.Sprintf("%*s", width, score(s.of(r.of)))
		}
	}
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// score is empty where a metric is not known.
func score(v evaluation.Float) string {
	if f := float64(v); !math.IsNaN(f) {
		return fmt.Sprintf("%.4f", f)
	}
	return ""
}

// placeOf is the folder of a model: relative to the working directory where it
// lies below, else the path or the address.
func placeOf(model string) string {
	u, err := url.Parse(model)
	if err != nil || u.Scheme != "file" {
		return strings.TrimSuffix(model, "/model.pt")
	}
	dir := filepath.Dir(u.Path)
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, dir); err == nil && filepath.IsLocal(relative) {
			return relative
		}
	}
	return dir
}

// useInPython is the line of Python that loads the result.
func useInPython(place string, c config.Config) string {
	if !strings.Contains(place, "://") {
		return fmt.Sprintf("gnn_trainer.load(%q)", place)
	}
	return fmt.Sprintf("gnn_trainer.load(%q, endpoint=%q, secure=%s, access_key=..., secret_key=...)", place, c.Store.Endpoint,
		map[bool]string{true: "True", false: "False"}[c.Store.Secure])
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+=:,@%", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
