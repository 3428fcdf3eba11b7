package job

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/store"
)

// candles writes a file of so many bars.
func candles(t *testing.T, path string, bars int) {
	t.Helper()
	text := "open_time,open,high,low,close,volume\n"
	for i := range bars {
		text += fmt.Sprintf("%d,1,2,1,2,1\n", 1717200000000+int64(i)*300_000)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataThatChangedSinceAResultAreNoticedAndACopyIsNone(t *testing.T) {
	touched := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		source string
		change func(dir string)
		want   string // a part of it; empty: nothing has changed
	}{
		"nothing": {source.Files, func(string) {}, ""},
		"a copy with new times": {source.Files, func(dir string) {
			mustDo(t, os.Chtimes(filepath.Join(dir, "A.csv"), touched, touched))
			mustDo(t, os.Chtimes(filepath.Join(dir, "B.csv"), touched, touched))
		}, ""},
		"a file that is not read": {source.Files, func(dir string) { mustDo(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)) }, ""},
		"bars more":               {source.Files, func(dir string) { candles(t, filepath.Join(dir, "A.csv"), 12) }, "bytes and have"},
		"a symbol more":           {source.Files, func(dir string) { candles(t, filepath.Join(dir, "C.csv"), 10) }, "had 2 files for this run and has 3"},
		"a symbol less":           {source.Files, func(dir string) { mustDo(t, os.Remove(filepath.Join(dir, "B.csv"))) }, "had 2 files for this run and has 1"},
		"a price": {source.Files, func(dir string) {
			path := filepath.Join(dir, "B.csv")
			text, err := os.ReadFile(path)
			mustDo(t, err)
			mustDo(t, os.WriteFile(path, []byte(strings.Replace(string(text), ",2,1\n", ",1,1\n", 1)), 0o600))
			mustDo(t, os.Chtimes(path, touched, touched))
		}, "other contents"},
		"no folder":               {source.Files, func(dir string) { mustDo(t, os.Rename(dir, dir+"2")) }, "cannot be listed"},
		"a graph, nothing":        {sourcePyG, func(string) {}, ""},
		"a graph, a copy":         {sourcePyG, func(dir string) { mustDo(t, os.Chtimes(filepath.Join(dir, "A.csv"), touched, touched)) }, ""},
		"a graph that has grown":  {sourcePyG, func(dir string) { candles(t, filepath.Join(dir, "A.csv"), 11) }, "bytes and have"},
		"a graph beside another":  {sourcePyG, func(dir string) { candles(t, filepath.Join(dir, "C.csv"), 10) }, ""},
		"a simulated market, all": {source.Simulated, func(dir string) { candles(t, filepath.Join(dir, "A.csv"), 11) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			mustDo(t, os.Mkdir(dir, 0o700))
			candles(t, filepath.Join(dir, "A.csv"), 10)
			candles(t, filepath.Join(dir, "B.csv"), 10)
			cfg := source.Config{Source: c.source, Dir: dir, Interval: "5m"}
			if c.source == sourcePyG {
				cfg.Dir = filepath.Join(dir, "A.csv")
			}
			recorded := recordInputs(t.Context(), cfg, listInputs(cfg), nil)()
			if (recorded == nil) != (c.source == source.Simulated) {
				t.Fatalf("recorded %+v", recorded)
			}
			c.change(dir)
			got := changedSince(t.Context(), cfg, recorded)
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestFilesThatChangeDuringTheLoadCountAsChanged(t *testing.T) {
	dir := t.TempDir()
	candles(t, filepath.Join(dir, "A.csv"), 10)
	cfg := source.Config{Source: source.Files, Dir: dir, Interval: "5m"}
	before := listInputs(cfg)
	candles(t, filepath.Join(dir, "A.csv"), 11)
	recorded := recordInputs(t.Context(), cfg, before, nil)()
	if recorded == nil || recorded.SHA256 != "" || changedSince(t.Context(), cfg, recorded) == "" {
		t.Errorf("%+v", recorded)
	}
}

func TestAManifestWithoutARecordOfTheDataIsNoWarning(t *testing.T) {
	cfg := source.Config{Source: source.Files, Dir: t.TempDir(), Interval: "5m"}
	if got := changedSince(t.Context(), cfg, (store.Manifest{}).Inputs); got != "" {
		t.Error(got)
	}
}

// The rows that a range leaves out are not told from the others without reading
// them: whoever appends to files is told so.
func TestFilesThatChangedOutsideTheRangeAreNotTakenForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		start, end string
		want       bool
	}{
		"END":           {"", "2024-06-01T00:30:00Z", true},
		"START":         {"2024-06-01", "", true},
		"START and END": {"2024-06-01", "2024-06-02", true},
		"neither":       {"", "", false},
	} {
		dir := t.TempDir()
		candles(t, filepath.Join(dir, "A.csv"), 10)
		cfg := source.Config{Source: source.Files, Dir: dir, Interval: "5m", Start: c.start, End: c.end}
		old := withDigest(t.Context(), cfg, *listInputs(cfg))
		candles(t, filepath.Join(dir, "A.csv"), 11)
		got := changedSince(t.Context(), cfg, old)
		if !strings.Contains(got, "bytes and have") || strings.Contains(got, "rows before START and from END on count here, which a run does not use") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAnotherEdgesFileIsTold(t *testing.T) {
	binance := source.Config{Source: source.Binance}
	recorded := withEdges(recordInputs(t.Context(), binance, listInputs(binance), &data.Dataset{}), "abc")()
	if recorded == nil || recorded.EdgesSHA256 != "abc" {
		t.Fatalf("inputs are %+v", recorded)
	}
	if got := changedSince(t.Context(), binance, recorded); got != "" {
		t.Errorf("of a pinned source: %s", got)
	}
	for digest, want := range map[string]string{"abc": "", "abd": "EDGES_FILE has other contents"} {
		if got := edgesChanged(digest, recorded); got != want {
			t.Errorf("%s: %q, want %q", digest, got, want)
		}
	}
	if withEdges(func() *store.Inputs { return nil }, "")() != nil || edgesChanged("", nil) != "" {
		t.Error("a run without EDGES_FILE has inputs")
	}
}
