package pyg

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// graphWith is a file of six nodes with more attributes: names and values.
func graphWith(t *testing.T, more ...any) []byte {
	return saved(t, dictOf(append([]any{
		"x", NewTensor([]float32{1, 2, 3, 4, 5, 6}, 6, 1), "edge_index", NewTensor([]int64{0, 1, 2, 3}, 2, 2), "y", NewTensor([]int64{0, 1, 2, 0, 1, 2}, 6),
	}, more...)...))
}

func boolMask(nodes ...int) Tensor {
	mask := make([]bool, 6)
	for _, i := range nodes {
		mask[i] = true
	}
	return NewTensor(mask, 6)
}

func numbers(nodes ...int64) Tensor { return NewTensor(nodes, len(nodes)) }

func TestASplitOfTheUserIsReadUnderAnyNameThatIsPlain(t *testing.T) {
	for name, attributes := range map[string][]any{
		"PyG's masks":            {"train_mask", boolMask(0, 1, 2), "val_mask", boolMask(3), "test_mask", boolMask(4, 5)},
		"valid_mask":             {"train_mask", boolMask(0, 1, 2), "valid_mask", boolMask(3), "test_mask", boolMask(4, 5)},
		"dev_mask":               {"train_mask", boolMask(0, 1, 2), "dev_mask", boolMask(3), "test_mask", boolMask(4, 5)},
		"validation, eval twice": {"training_mask", boolMask(0, 1, 2), "validation_mask", boolMask(3), "eval_mask", boolMask(3), "testing_mask", boolMask(4, 5)},
		"camel case":             {"trainMask", boolMask(0, 1, 2), "valMask", boolMask(3), "testMask", boolMask(4, 5)},
		"one word":               {"trainmask", boolMask(0, 1, 2), "valmask", boolMask(3), "testmask", boolMask(4, 5)},
		"bytes and integers": {
			"train_mask", NewTensor([]uint8{1, 1, 1, 0, 0, 0}, 6), "val_mask", NewTensor([]int64{0, 0, 0, 1, 0, 0}, 6),
			"test_mask", NewTensor([]float32{0, 0, 0, 0, 1, 1}, 6),
		},
		"a column":                {"train_mask", NewTensor([]bool{true, true, true, false, false, false}, 6, 1), "val_mask", boolMask(3), "test_mask", boolMask(4, 5)},
		"numbers":                 {"train_idx", numbers(2, 1, 0), "val_idx", numbers(3), "test_idx", numbers(4, 5)},
		"numbers, valid":          {"train_index", numbers(2, 1, 0), "valid_index", numbers(3), "test_index", numbers(4, 5)},
		"short words":             {"tr_mask", boolMask(0, 1, 2), "va_mask", boolMask(3), "te_mask", boolMask(4, 5)},
		"flags":                   {"is_train", boolMask(0, 1, 2), "in_val", boolMask(3), "test_set", numbers(4, 5)},
		"DGL's":                   {"train_nid", numbers(2, 1, 0), "val_nid", numbers(3), "test_nid", numbers(4, 5)},
		"Kipf's":                  {"idx_train", numbers(2, 1, 0), "idx_val", numbers(3), "idx_test", numbers(4, 5)},
		"int32":                   {"train_idx", NewTensor([]int32{0, 1, 2}, 3), "val_idx", NewTensor([]int32{3}, 1), "test_idx", NewTensor([]int32{4, 5}, 2)},
		"lists":                   {"train_idx", []int{0, 1, 2}, "val_idx", []int{3}, "test_mask", []any{false, false, false, false, true, true}},
		"the bare words":          {"train", boolMask(0, 1, 2), "valid", boolMask(3), "test", numbers(4, 5)},
		"a mask named as numbers": {"train_idx", NewTensor([]int64{1, 1, 1, 0, 0, 0}, 6), "val_idx", boolMask(3), "test_idx", numbers(4, 5)},
		"OGB's dict":              {"split_idx", dictOf("train", numbers(0, 1, 2), "valid", numbers(3), "test", numbers(4, 5))},
		"a dict of a weak name":   {"partition", dictOf("train", numbers(0, 1, 2), "valid", numbers(3), "test", numbers(4, 5))},
		"one word in front":       {"istrain", boolMask(0, 1, 2), "inval", boolMask(3), "testset", numbers(4, 5)},
		"a dict of masks":         {"masks", dictOf("train", boolMask(0, 1, 2), "val", boolMask(3), "test", boolMask(4, 5))},
	} {
		f, err := read(t, graphWith(t, attributes...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for k, c := range []struct {
			got  []bool
			want []int
		}{{f.TrainMask, []int{0, 1, 2}}, {f.ValidMask, []int{3}}, {f.TestMask, []int{4, 5}}} {
			for i := range 6 {
				if len(c.got) != 6 || c.got[i] != slices.Contains(c.want, i) {
					t.Errorf("%s: split %d of %q is %v", name, k, f.SplitNames, c.got)
					break
				}
			}
		}
		if len(f.Ignored) > 0 || len(f.Warnings) > 0 {
			t.Errorf("%s: ignored %q, warnings %q", name, f.Ignored, f.Warnings)
		}
	}
}

func TestASplitThatIsNotUnderstoodIsRejectedByItsName(t *testing.T) {
	for name, c := range map[string]struct {
		attributes []any
		want       string
	}{
		"a mask of the wrong length": {[]any{"valid_mask", NewTensor([]bool{true}, 1)}, "valid_mask holds 1 values, the graph has 6 nodes: save a bool for each node; numbers of nodes belong in val_idx"},
		"several divisions":          {[]any{"train_mask", NewTensor(make([]bool, 60), 6, 10)}, "train_mask is a tensor of bool [6, 10]: it holds 10 divisions of the nodes, and one is needed: save one column"},
		"a node beyond":              {[]any{"test_idx", numbers(4, 6)}, "test_idx holds node 6, outside 0..5"},
		"a node below":               {[]any{"test_idx", numbers(-1)}, "test_idx holds node -1, outside 0..5"},
		"a node twice":               {[]any{"train_nid", numbers(4, 2, 4)}, "train_nid holds node 4 twice: save it after .unique()"},
		"an empty mask":              {[]any{"test_mask", boolMask()}, "test_mask holds no node: put the split's nodes into it"},
		"an empty validation":        {[]any{"dev_mask", boolMask()}, "dev_mask holds no node: put nodes into it or leave it out"},
		"no numbers":                 {[]any{"train_idx", numbers()}, "train_idx holds no node"},
		"numbers in a mask":          {[]any{"train_mask", numbers(0, 1, 2, 3, 4, 5)}, "train_mask is a mask, and holds values other than 0 and 1: save it as bool; numbers of nodes belong in train_idx"},
		"shares":                     {[]any{"train_mask", NewTensor([]float32{0.5, 1, 1, 0, 0, 0}, 6)}, "train_mask holds float32 such as 0.5"},
		"texts":                      {[]any{"train_idx", []string{"BTCUSDT"}}, `train_idx holds the string "BTCUSDT", and bools or numbers of nodes are needed`},
		"a text":                     {[]any{"train_mask", "first half"}, `train_mask is the string "first half"`},
		"two that differ":            {[]any{"val_mask", boolMask(3), "valid_mask", boolMask(4)}, "val_mask and valid_mask both name the nodes of one split, and differ: save the data without one"},
		"folds":                      {[]any{"fold", numbers(0, 1, 2, 0, 1, 2)}, "fold is a tensor of int64 [6], which looks like a split of the nodes: save bool masks train_mask, val_mask and test_mask in its place, or leave fold out"},
		"a split's number":           {[]any{"split", numbers(0, 0, 0, 1, 2, 2)}, "split is a tensor of int64 [6], which looks like"},
		"a holdout":                  {[]any{"holdout_mask", boolMask(4, 5)}, "holdout_mask is a tensor of bool [6], which looks like"},
		"a split's names":            {[]any{"split", []string{"train", "train", "train", "val", "test", "test"}}, "split is a list, which looks like"},
		"a numbered mask":            {[]any{"train_mask_0", boolMask(0)}, "train_mask_0 is a tensor of bool [6], which looks like"},
		"a dict of others":           {[]any{"split_idx", dictOf("train", numbers(0), "fold_1", numbers(1))}, `split_idx holds the string "fold_1", and keys train, valid and test are known`},
		"a set's number":             {[]any{"set", numbers(0, 0, 0, 1, 2, 2)}, "set is a tensor of int64 [6], which looks like a split of the nodes: save bool masks"},
		"a subset as a list":         {[]any{"subset", []int{0, 0, 0, 1, 2, 2}}, "subset is a list, which looks like"},
		"a group of floats":          {[]any{"group", NewTensor([]float32{1, 1, 1, 2, 3, 3}, 6, 1)}, "group is a tensor of float32 [6, 1], which looks like"},
		"a phase of bytes":           {[]any{"phase", NewTensor([]uint8{0, 0, 0, 1, 1, 1}, 6)}, "phase is a tensor of uint8 [6], which looks like"},
		"a stage with none":          {[]any{"nodeStage", numbers(-1, 0, 0, 1, 1, 1)}, "nodeStage is a tensor of int64 [6], which looks like"},
		"a partition's bools":        {[]any{"partition_id", boolMask(1, 2)}, "partition_id is a tensor of bool [6], which looks like"},
		"train, val and test":        {[]any{"tvt", numbers(0, 0, 0, 1, 2, 2)}, "tvt is a tensor of int64 [6], which looks like"},
		"three words as one":         {[]any{"trainvaltest", numbers(0, 0, 0, 1, 2, 2)}, "trainvaltest is a tensor of int64 [6], which looks like"},
		"names in letters":           {[]any{"usage", []string{"a", "a", "a", "b", "c", "c"}}, "usage is a list, which looks like"},
		"names of splits anywhere":   {[]any{"source", []string{"Train", "Train", "Train", "Val", "Test", "Test"}}, "source is a list, which looks like"},
		"a column of each":           {[]any{"masks", NewTensor(make([]bool, 18), 6, 3)}, "masks is a tensor of bool [6, 3], which looks like"},
		"a set in three columns":     {[]any{"set", NewTensor(make([]int64, 18), 6, 3)}, "set is a tensor of int64 [6, 3], which looks like"},
		"a dict of another name":     {[]any{"plan", dictOf("train", numbers(0, 1), "test", numbers(4, 5))}, "plan is a dict, which looks like"},
		"in a dict":                  {[]any{"split_idx", dictOf("train", numbers(9))}, `split_idx["train"] holds node 9, outside 0..5`},
	} {
		f, err := read(t, graphWith(t, c.attributes...))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 240 {
			t.Errorf("%s: got %+v, %v; want %q", name, f, err, c.want)
		}
	}
}

func TestWhatOnlyLooksLikeASplitIsWarnedOf(t *testing.T) {
	masks := []any{"train_mask", boolMask(0, 1, 2), "val_mask", boolMask(3), "test_mask", boolMask(4, 5)}
	for name, attributes := range map[string][]any{
		"folds beside masks":     append([]any{"fold", numbers(0, 1, 2, 0, 1, 2)}, masks...),
		"a holdout beside masks": append([]any{"holdout_mask", boolMask(4, 5)}, masks...),
		"a split of edges":       {"train_pos_edge_index", NewTensor([]int64{0, 1}, 2, 1)},
		"a share":                {"train_ratio", 0.6},
		"the split's name":       {"split", "random"},
		"another mask":           {"active_mask", boolMask(1)},
		"values named val":       {"val", NewTensor([]float32{1, 2}, 2)},
	} {
		f, err := read(t, graphWith(t, attributes...))
		if err != nil || len(f.Warnings) != 1 || !strings.HasPrefix(f.Warnings[0], attributes[0].(string)+" looks like a ") || !slices.Equal(f.Ignored, []string{attributes[0].(string)}) {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

func TestAttributesThatMeanNothingOfASplitAreLeftAlone(t *testing.T) {
	for name, value := range map[string]any{
		"trainer": "Ada", "valley": numbers(1), "testament": 3, "pos": numbers(1), "index": numbers(1), "interval": numbers(0, 1, 2, 0, 1, 2),
		"sector": numbers(0, 0, 0, 1, 2, 2), "age_group": numbers(0, 0, 0, 1, 2, 2), "life_stage": numbers(0, 1, 2, 0, 1, 2), "is_bank": boolMask(1, 2),
		"group": numbers(0, 1, 2, 3, 4, 5), "partition": numbers(0, 7, 7, 7, 99, 0), "dataset": "ogbn-arxiv", "mode": "spot", "stage": int64(2),
		"set": NewTensor([]float32{0.5, 1, 2, 0, 1, 2}, 6), "parts": numbers(0, 1, 2), "market": []string{"spot", "spot", "swap", "swap", "swap", "spot"},
		"part": numbers(1, 1, 1, 1, 1, 1), "scores": dictOf("train", 1, "test", 2),
	} {
		f, err := read(t, graphWith(t, name, value))
		if err != nil || len(f.Warnings) > 0 || !slices.Equal(f.Ignored, []string{name}) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestFloatsThatAreClassesAreClasses(t *testing.T) {
	nan := float32(0)
	nan /= nan
	for name, c := range map[string]struct {
		y    Tensor
		want []int64
	}{
		"float32":            {NewTensor([]float32{0, 1, 2, -100, 1, 0}, 6), []int64{0, 1, 2, -100, 1, 0}},
		"a column":           {NewTensor([]float64{2, 1, 0, 0, 1, 0}, 6, 1), []int64{2, 1, 0, 0, 1, 0}},
		"NaN where no class": {NewTensor([]float32{0, nan, 2, 1, nan, 0}, 6), []int64{0, -100, 2, 1, -100, 0}},
		"integers":           {NewTensor([]int64{0, 1, 2, 0, 1, 2}, 6, 1), []int64{0, 1, 2, 0, 1, 2}},
	} {
		f, err := read(t, saved(t, dictOf("x", NewTensor([]float32{1, 2, 3, 4, 5, 6}, 6, 1), "edge_index", NewTensor([]int64{0, 1}, 2, 1), "y", c.y)))
		if err != nil || !slices.Equal(f.Data.Y, c.want) {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
	f, err := read(t, saved(t, dictOf("x", NewTensor([]float32{1, 2}, 2, 1), "edge_index", NewTensor([]int64{0, 1}, 2, 1), "labels", NewTensor([]int64{0, 1}, 2))))
	if err == nil || !strings.Contains(err.Error(), "the file lacks y, and has labels, a tensor of int64 [2]: save the nodes' classes as data.y") {
		t.Errorf("labels: %+v, %v", f, err)
	}
}
