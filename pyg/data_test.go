package pyg

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAGraphWhoseShapesDisagreeIsInvalid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(d *Data)
		want  string
	}{
		"as it was": {func(*Data) {}, ""},
		"optional ones": {func(d *Data) {
			d.NodeMask, d.EdgeWeight, d.EdgeAttr, d.Y, d.Ret, d.OpenTime = nil, nil, nil, nil, nil, nil
		}, ""},
		"negative nodes":   {func(d *Data) { d.NumNodes = -1 }, "-1 nodes"},
		"half an edge":     {func(d *Data) { d.EdgeIndex = d.EdgeIndex[:7] }, "edge_index holds 7 values, an odd number"},
		"short x":          {func(d *Data) { d.X = d.X[:5] }, "x holds 5 values where 3 nodes, 2 features and 4 edges need 6"},
		"no x":             {func(d *Data) { d.X = nil }, "x holds 0 values"},
		"short node_mask":  {func(d *Data) { d.NodeMask = d.NodeMask[:2] }, "node_mask holds 2 values"},
		"an empty y":       {func(d *Data) { d.Y = d.Y[:0] }, "y holds 0 values"},
		"weights too many": {func(d *Data) { d.EdgeWeight = append(d.EdgeWeight, 1) }, "edge_weight holds 5 values"},
		"two open times":   {func(d *Data) { d.OpenTime = []int64{1, 2} }, "open_time holds 2 values"},
		"a foreign source": {func(d *Data) { d.EdgeIndex[2] = 3 }, "edge_index[0, 2] is 3, outside 0..2"},
		"a foreign target": {func(d *Data) { d.EdgeIndex[4] = -1 }, "edge_index[1, 0] is -1, outside 0..2"},
	} {
		t.Run(name, func(t *testing.T) {
			d := randomGraph(rand.New(rand.NewPCG(5, 5)), 3, 2, 4)
			c.spoil(&d)
			err := d.Validate()
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
}
