package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// at is a clock that stands still.
func at(bar float64) func() time.Time {
	return func() time.Time { return time.UnixMilli(t0 + int64(bar*float64(fiveMinutes))) }
}

func TestABarThatHasNotClosedIsLeftOutWithAWarning(t *testing.T) {
	for _, c := range []struct {
		name string
		now  float64
		bars int
	}{{"it began just now", 19, 19}, {"it is half over", 19.5, 19}, {"it is nearly over", 19.999, 19}, {"it closes at this moment", 20, 20}, {"a clock that is behind", 18.9, 18}, {"long ago", 1e5, 20}} {
		for file, text := range map[string]string{"A.csv": wave(0, 20, 10), "A.parquet": string(parquetFile(t, plainRows(9)))} {
			now, want := c.now, c.bars
			if file == "A.parquet" {
				now, want = now-11, want-11
			}
			m, err := loadFrom(t, map[string]string{file: text}, func(cfg *Config) { cfg.Clock = at(now) })
			if err != nil || m.bars != want {
				t.Errorf("%s: %s: %+v, %v", c.name, file, m, err)
			} else if m.warned(file+": the bar of 2024-01-01T") != (c.bars < 20) {
				t.Errorf("%s: %s: %v", c.name, file, m.report.Warnings)
			}
		}
	}
	m, err := loadFrom(t, map[string]string{"A.csv": wave(0, 20, 10), "B.csv": wave(0, 19, 11), "all.csv": longHeader("symbol") + strings.Join(append(rowsOf("C", 0, 20, 10), rowsOf("D", 0, 20, 10)...), "")}, func(cfg *Config) { cfg.Clock = at(19.5) })
	if err != nil || m.bars != 19 || !m.warned("all.csv: the bar of 2024-01-01T01:35:00Z has not closed") {
		t.Errorf("of several files: %+v, %v", m, err)
	}
}

func TestABarThatWasOpenWhenTheFileWasWrittenIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		written float64 // bar
		bars    int
	}{{19, 19}, {19.5, 19}, {20, 20}, {18.9, 20}, {-1e4, 20}, {1e5, 20}} {
		dir := folder(t, map[string]string{"A.csv": wave(0, 20, 10)})
		if err := os.Chtimes(filepath.Join(dir, "A.csv"), time.Time{}, at(c.written)()); err != nil {
			t.Fatal(err)
		}
		m, report, err := Load(t.Context(), Config{Source: Files, Dir: dir, Symbol: "A", Interval: "5m"})
		if err != nil || m.Bars != c.bars || len(report.Warnings) != 20-c.bars {
			t.Errorf("written at bar %v: %v, %v", c.written, report.Warnings, err)
		}
	}
}

func TestBarsThatHaveNotBegunAreRejectedUnlessENDLeavesThemOut(t *testing.T) {
	text := wave(0, 20, 10)
	for _, now := range []float64{18.7, 12.5, 0.5, -3} {
		_, err := loadFrom(t, map[string]string{"A.csv": text}, func(c *Config) { c.Clock = at(now) })
		rejected(t, err, "A.csv, line ", "open_time is ", "now", "write the times in UTC")
		if strings.Contains(err.Error(), "END=") != (now > 0) {
			t.Errorf("at bar %v: %v", now, err)
		}
		if now < 1 {
			continue
		}
		// The remedy is followed.
		end := at(now)().UTC().Truncate(time.Minute).Format(time.RFC3339)
		m, err := loadFrom(t, map[string]string{"A.csv": text}, func(c *Config) { c.Clock, c.End = at(now), end })
		if err != nil || m.bars != int(now) {
			t.Errorf("with END=%s: %+v, %v", end, m, err)
		}
	}
	_, err := loadFrom(t, map[string]string{"A.csv": text}, func(c *Config) { c.Clock = at(-200_000) })
	rejected(t, err, "A.csv, line 2", "correct the open times of the whole file")
	_, err = loadFrom(t, map[string]string{"A.csv": text + line(200_000, 10)}, func(c *Config) { c.Clock = at(30) })
	rejected(t, err, "A.csv, line 22", "correct or remove this line")
	if f, err := LookAtFiles(t.Context(), Config{Source: Files, Dir: folder(t, map[string]string{"A.csv": text}), Symbol: "A", Interval: "5m", Clock: at(3)}); err != nil || len(f.Wrong) != 1 {
		t.Errorf("a look finds %v, %v", f.Wrong, err)
	}
}
