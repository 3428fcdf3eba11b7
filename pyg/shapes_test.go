package pyg

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// zeros is a tensor of float32 of some shape.
func zeros(shape ...int) Tensor {
	n := 1
	for _, size := range shape {
		n *= size
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i)
	}
	return NewTensor(values, shape...)
}

// classesAs are six classes of some shape.
func classesAs(shape ...int) Tensor { return NewTensor([]int64{0, 1, 2, 0, 1, 2}, shape...) }

// tooFar are two edges, of which the second one joins node 7 of six.
var tooFar = NewTensor([]int64{0, 7, 2, 3}, 2, 2)

// reshaped are attributes of wrong shapes and values, beside those of graphWith,
// with the remedy, a statement of Python that makes right ones.
var reshaped = map[string]struct {
	attributes []any
	what       string
	remedy     string
}{
	"x of one feature":            {[]any{"x", zeros(6)}, "x is a tensor of float32 [6]", "save it as a column: x[:, None]"},
	"x of windows":                {[]any{"x", zeros(6, 5, 4)}, "x is a tensor of float32 [6, 5, 4]", "save x.flatten(1), with a row for each node"},
	"x of images":                 {[]any{"x", zeros(6, 1, 2, 2)}, "x is a tensor of float32 [6, 1, 2, 2]", "save x.flatten(1), with"},
	"x with time first":           {[]any{"x", zeros(5, 6, 4)}, "x is a tensor of float32 [5, 6, 4]", "save x.transpose(0, 1).flatten(1), with"},
	"x in a batch of one":         {[]any{"x", zeros(1, 6, 4)}, "x is a tensor of float32 [1, 6, 4]", "save x[0]"},
	"x with nodes as columns":     {[]any{"x", zeros(2, 6)}, "edge_index[1, 0] is 2, outside 0..1 (rows of x), in 2 of 2 edges", "save x.t(): its nodes are its columns"},
	"x that is far too large":     {[]any{"x", NewTensor([]float32{1, 2, 3, 4, -math.MaxFloat32, 6}, 6, 1)}, "x[4, 0] is -3.4e+38", "save x.where(x.abs() < 1e30, 0)"},
	"x with an infinity":          {[]any{"x", NewTensor([]float32{1, 2, 3, 4, float32(math.Inf(1)), 6}, 6, 1)}, "x[4, 0] is +Inf", "save it after .nan_to_num(0, 0, 0)"},
	"y of a row":                  {[]any{"y", classesAs(1, 6)}, "y is a tensor of int64 [1, 6]", "save y.flatten()"},
	"y of three axes":             {[]any{"y", classesAs(6, 1, 1)}, "y is a tensor of int64 [6, 1, 1]", "save y.flatten()"},
	"returns of two horizons":     {[]any{"ret", zeros(6, 2)}, "ret is a tensor of float32 [6, 2]", "save one column: ret[:, 0]"},
	"returns in rows":             {[]any{"ret", zeros(2, 6)}, "ret is a tensor of float32 [2, 6]", "save one row: ret[0]"},
	"a time without a dimension":  {[]any{"open_time", NewTensor([]int64{1700000000000})}, "open_time is a tensor of int64 []", "save open_time.flatten()"},
	"edges in a batch of one":     {[]any{"edge_index", NewTensor([]int64{0, 1, 2, 3}, 1, 2, 2)}, "edge_index is a tensor of int64 [1, 2, 2]", "save edge_index[0]"},
	"edges in one row":            {[]any{"edge_index", numbers(0, 1, 2, 3)}, "edge_index is a tensor of int64 [4]", "save edge_index.view(2, -1), or edge_index.view(-1, 2).t() where sources and targets alternate"},
	"edges of three axes":         {[]any{"edge_index", NewTensor([]int64{0, 1, 2, 3}, 2, 2, 1)}, "edge_index is a tensor of int64 [2, 2, 1]", "save edge_index.flatten(1)"},
	"edges as pairs in three":     {[]any{"edge_index", NewTensor([]int64{0, 1, 2, 3}, 1, 1, 2, 2)}, "edge_index is a tensor of int64 [1, 1, 2, 2]", "save edge_index.flatten(0, -2).t()"},
	"no edges":                    {[]any{"edge_index", zeros(0)}, "edge_index is a tensor of float32 [0]", "save torch.zeros(2, 0, dtype=torch.long)"},
	"edges that count from 1":     {[]any{"edge_index", NewTensor([]int64{1, 6, 2, 3}, 2, 2)}, "edge_index[0, 1] is 6, outside 0..5 (rows of x), in 1 of 2 edges", "save edge_index - 1: its nodes count from 1"},
	"an edge too far":             {[]any{"edge_index", tooFar}, "edge_index[0, 1] is 7, outside 0..5 (rows of x), in 1 of 2 edges", "add rows to x, or save edge_index[:, k], where k = (edge_index.clamp(0, 5) == edge_index).all(0)"},
	"an edge to -1":               {[]any{"edge_index", NewTensor([]int64{0, 1, -1, 3}, 2, 2)}, "edge_index[1, 0] is -1, outside 0..5 (rows of x), in 1 of 2 edges", "save edge_index[:, k], where"},
	"an edge too far, of weights": {[]any{"edge_index", tooFar, "edge_weight", zeros(2), "edge_attr", zeros(2, 1)}, "edge_index[0, 1] is 7", "save edge_index[:, k], edge_weight[k], edge_attr[k], where k"},

	"words":                   {[]any{"y", []string{"up", "down", "flat", "up", "down", "flat"}}, `y is a list of strings such as "down"`, "save torch.tensor([{'down': 0, 'flat': 1, 'up': 2}[v] for v in y])"},
	"words of an order":       {[]any{"y", []string{"SELL", "BUY", "HOLD", "SELL", "BUY", "HOLD"}}, `y is a list of strings such as "SELL"`, "save torch.tensor([{'SELL': 0, 'HOLD': 1, 'BUY': 2}[v] for v in y])"},
	"two words":               {[]any{"y", []string{"up", "down", "up", "up", "down", "down"}}, `y is a list of strings such as "down"`, "save torch.tensor([{'down': 0, 'up': 2}[v] for v in y])"},
	"words and none":          {[]any{"y", []any{"bull", "bear", nil, "neutral", "bear", "bull"}}, `y is a list of strings such as "bear"`, "save torch.tensor([{'bear': 0, 'neutral': 1, 'bull': 2}.get(v, -100) for v in y])"},
	"other words":             {[]any{"y", []string{"a", "b", "c", "a", "b", "c"}}, `y is a list of strings such as "a"`, "save torch.tensor([{'a': 0, 'b': 1, 'c': 2}[v] for v in y]), in the order down, flat, up"},
	"numbers as words":        {[]any{"y", []string{"0", "1", "2", "0", "1", "2"}}, `y is a list of strings such as "0"`, "save torch.tensor([int(v) for v in y])"},
	"numbers as words, none":  {[]any{"y", []string{"0", "1", "2", "", "1", "2"}}, `y is a list of strings such as "0"`, "save torch.tensor([int(v or -100) for v in y])"},
	"classes and none":        {[]any{"y", []any{0, 1, 2, nil, 1, 2}}, "y is a list", "save torch.tensor([-100 if v is None else v for v in y])"},
	"a list of rows":          {[]any{"x", []any{zeros(2), zeros(2), zeros(2), zeros(2), zeros(2), zeros(2)}}, "x is a list", "save torch.stack(x) in its place"},
	"a list of single labels": {[]any{"y", []int{0, 1, 2, 0, 1, 2}}, "y is a list", "save torch.tensor(y) in its place"},
}

func TestAWrongShapeIsRejectedWithTheStatementThatMakesItRight(t *testing.T) {
	type statement struct {
		Path       string   `json:"path"`
		Expression string   `json:"expression"`
		Where      string   `json:"where"`
		Attributes []string `json:"attributes"`
	}
	var all []statement
	folder := t.TempDir()
	for name, c := range reshaped {
		file := graphWith(t, c.attributes...)
		_, err := read(t, file)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.what) || !strings.Contains(err.Error(), c.remedy) || len(err.Error()) > 192 {
			t.Errorf("%s: %v; want %q: %q", name, err, c.what, c.remedy)
			continue
		}
		s := statement{Path: filepath.Join(folder, name+".pt")}
		_, s.Expression, _ = strings.Cut(err.Error(), "save ")
		s.Expression, s.Where, _ = strings.Cut(s.Expression, ", where ")
		for _, note := range []string{" in its place", ", with ", ", in the order", ", or edge", ": its"} {
			s.Expression, _, _ = strings.Cut(s.Expression, note)
		}
		for _, word := range []string{"it as a column: ", "one column: ", "one row: "} {
			s.Expression = strings.TrimPrefix(s.Expression, word)
		}
		s.Expression = strings.Replace(s.Expression, "it after ", "x", 1)
		for k := 0; k < len(c.attributes); k += 2 {
			s.Attributes = append(s.Attributes, c.attributes[k].(string))
		}
		if err := os.WriteFile(s.Path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	list, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cases := filepath.Join(folder, "cases.json")
	if err := os.WriteFile(cases, list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python(t), filepath.Join("testdata", "follow.py"), cases).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, s := range all {
		f, err := readFile(t, s.Path)
		if err != nil || f.Data.NumNodes != 6 || len(f.Data.Y) != 6 {
			t.Errorf("%s: after %s: %+v, %v", s.Path, s.Expression, f, err)
		}
	}
}

func TestWhatNoStatementMakesRightIsRejectedWithWhatIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		attribute string
		value     any
		want      string
	}{
		"y of the graph":          {"y", NewTensor([]int64{1}), "y is a tensor of int64 []: a tensor [6], one value for each node, is needed: save a class for each node: one of the whole graph is not learned here"},
		"y of the graph, one row": {"y", NewTensor([]int64{1}, 1), "y is a tensor of int64 [1]: a tensor [6], one value for each node, is needed: save a class for each node: one of"},
		"too few labels":          {"y", NewTensor([]int64{1, 2, 0, 1}, 4), "save a class for each of the 6 rows of x, -100 for none"},
		"too few weights":         {"edge_weight", zeros(1), "save a value for each edge, or leave edge_weight out"},
		"a return":                {"ret", NewTensor([]float32{1}), "save a value for each node, or leave ret out"},
		"x of one number":         {"x", NewTensor([]float32{1}), "save a row of features for each node"},
		"five names":              {"y", []string{"a", "b", "c", "d", "e", "a"}, "save torch.tensor([{'down': 0, 'flat': 1, 'up': 2}[v] for v in y]), with your names"},
	} {
		_, err := read(t, graphWith(t, c.attribute, c.value))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 192 {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
