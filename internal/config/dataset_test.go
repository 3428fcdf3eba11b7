package config

import (
	"maps"
	"slices"
	"testing"
)

func TestDatasetNamesSnapshots(t *testing.T) {
	for value, want := range map[string]Dataset{
		"": {}, "all": {Which: "all"}, "test": {Which: "test"}, "none": {Which: "none"}, "newest:1": {"newest", 1}, "newest:52416": {"newest", 52416},
	} {
		c := load(t, "DATASET="+value)
		if c.Output.Dataset != want || c.Output.Dataset.String() != value || c.Public()["DATASET"] != value {
			t.Errorf("%q is %+v, and published as %q", value, c.Output.Dataset, c.Public()["DATASET"])
		}
		// A run may resume with another, when the disk was full.
		if !maps.Equal(c.Settings(), load(t).Settings()) {
			t.Errorf("%q decides about the model", value)
		}
	}
	for _, value := range []string{"newest", "newest:", "newest:0", "newest:-3", "newest:x", "newest:1.5", "ALL", "train", "1000", "newest:99999999999999999999"} {
		want := `DATASET is "` + value + `": set all, test, none or newest:N, such as newest:1000`
		if got := rejected(t, environ("DATASET="+value)); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q", value, got)
		}
	}
}
