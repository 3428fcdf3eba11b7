package job_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

func TestDatasetDecidesWhatDatasetPtHolds(t *testing.T) {
	sizes := map[string]int64{}
	all := 0
	for _, set := range []string{"DATASET=all", "DATASET=", "DATASET=test", "DATASET=newest:5", "DATASET=none"} {
		var log bytes.Buffer
		j, _, path := newJob(t, never, "BASELINE=none", set)
		j.Log = zerolog.New(&log)
		if code := j.Run(t.Context()); code != 0 {
			t.Fatalf("%s: exit code %d", set, code)
		}
		manifest, err := store.Verify(path)
		if err != nil {
			t.Fatal(err)
		}
		var m result.Metadata
		if err := json.Unmarshal(file(t, path, "metadata.json"), &m); err != nil || m.Dataset == nil {
			t.Fatalf("%s: metadata.json says %+v, %v", set, m.Dataset, err)
		}
		if all == 0 {
			all = m.Dataset.Of
		}
		want := map[string]result.KeptSnapshots{
			"DATASET=all": {Which: "all", Snapshots: all, Of: all}, "DATASET=": {Which: "all", Snapshots: all, Of: all},
			"DATASET=test":     {Which: "test", Snapshots: m.Splits.Test.Count, Of: all},
			"DATASET=newest:5": {Which: "newest", Snapshots: 5, Of: all}, "DATASET=none": {Which: "none", Of: all},
		}[set]
		if *m.Dataset != want || all < 100 {
			t.Errorf("%s: metadata.json says %+v, want %+v", set, *m.Dataset, want)
		}
		if !strings.Contains(log.String(), `"dataset":"`+want.Which+`","snapshots":`) {
			t.Errorf("%s: the log does not say it:\n%s", set, log.String())
		}
		at := slices.IndexFunc(manifest.Files, func(f store.FileInfo) bool { return f.Name == "dataset.pt" })
		_, err = os.Stat(filepath.Join(path, "dataset.pt"))
		if there := want.Snapshots > 0; there != (at >= 0) || there != (err == nil) {
			t.Errorf("%s: dataset.pt is at %d of the manifest, and on the disk: %v", set, at, err)
		}
		if at >= 0 {
			sizes[set] = manifest.Files[at].Size
		}
	}
	if whole := sizes["DATASET=all"]; sizes["DATASET="] != whole || sizes["DATASET=test"] > whole/4 || sizes["DATASET=newest:5"] > whole/20 {
		t.Errorf("the sizes are %v", sizes)
	}
}
