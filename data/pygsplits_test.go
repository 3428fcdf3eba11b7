package data

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

func maskOf(n int, nodes ...int) []bool {
	mask := make([]bool, n)
	for _, i := range nodes {
		mask[i] = true
	}
	return mask
}

// membersOf are the nodes of each split.
func membersOf(d *Dataset) map[Split][]int {
	members := map[Split][]int{}
	for s, split := range d.Splits {
		for i, in := range d.EvalMask(s) {
			if in {
				members[split] = append(members[split], i)
			}
		}
	}
	return members
}

func TestOfTrainAndTestAlonePartOfTheTrainingNodesValidates(t *testing.T) {
	for name, c := range map[string]struct {
		train, test []int
		valid       int
	}{
		"six and two":          {[]int{0, 1, 2, 3, 4, 5}, []int{6, 7}, 2},
		"three and one":        {[]int{1, 2, 3}, []int{0}, 1},
		"a node is in neither": {[]int{0, 2, 4, 5}, []int{6, 7}, 1},
	} {
		for seed := range int64(5) {
			f := smallFile()
			f.TrainMask, f.TestMask = maskOf(10, c.train...), maskOf(10, c.test...)
			d, err := FromPyG(f, nil, defaultConfig(), seed)
			if err != nil {
				if strings.Contains(err.Error(), "all labels of the train split (train_mask)") {
					continue // by chance
				}
				t.Fatalf("%s: %v", name, err)
			}
			members := membersOf(d)
			if both := slices.Sorted(slices.Values(append(slices.Clone(members[Train]), members[Valid]...))); len(members[Valid]) != c.valid || !slices.Equal(both, c.train) || !slices.Equal(members[Test], c.test) {
				t.Errorf("%s: %v", name, members)
			}
			if !slices.ContainsFunc(d.Warnings, func(w string) bool {
				return strings.HasPrefix(w, "the graph has train_mask and test_mask and no val_mask: ") && strings.HasSuffix(w, "chosen by SEED, validate")
			}) {
				t.Errorf("%s: warnings %q", name, d.Warnings)
			}
		}
	}
}

func TestASplitOfTheUserIsNeverReplacedByChance(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *pyg.File)
		want   string
	}{
		"train alone":     {func(f *pyg.File) { f.TrainMask = maskOf(10, 0, 1) }, "the graph has train_mask and no val_mask and no test_mask: save at least train_mask and test_mask, or none"},
		"test alone":      {func(f *pyg.File) { f.TestMask = maskOf(10, 0, 1) }, "the graph has test_mask and no train_mask and no val_mask"},
		"valid alone":     {func(f *pyg.File) { f.ValidMask, f.SplitNames = maskOf(10, 0, 1), [3]string{1: "dev_idx"} }, "the graph has dev_idx and no train_mask and no test_mask"},
		"no test":         {func(f *pyg.File) { f.TrainMask, f.ValidMask = maskOf(10, 0, 1), maskOf(10, 2) }, "the graph has train_mask and val_mask and no test_mask"},
		"no train":        {func(f *pyg.File) { f.ValidMask, f.TestMask = maskOf(10, 0, 1), maskOf(10, 2) }, "the graph has val_mask and test_mask and no train_mask"},
		"one to train on": {func(f *pyg.File) { f.TrainMask, f.TestMask = maskOf(10, 0), maskOf(10, 2) }, "train_mask holds one labelled node, and there is no val_mask"},
		"an overlap of other names": {func(f *pyg.File) {
			f.TrainMask, f.TestMask, f.SplitNames = maskOf(10, 0, 1, 2), maskOf(10, 2, 3), [3]string{"train_idx", "", "test_nid"}
		}, "node 2 is in train_idx and in test_nid too"},
		"nodes without labels": {func(f *pyg.File) { f.TrainMask, f.TestMask = maskOf(10, 0, 1, 2), maskOf(10, 8, 9) }, "test_mask holds no node that has a label"},
	} {
		f := smallFile()
		c.change(f)
		if _, err := FromPyG(f, nil, defaultConfig(), 1); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 220 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
