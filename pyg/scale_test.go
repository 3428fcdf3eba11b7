package pyg

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestAValueThatMeasuresNothingIsRejectedWithWhatTakesItAway(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		attribute string
		value     Tensor
		want      string
	}{
		"an infinity":               {"x", NewTensor([]float32{1, 2, float32(inf), 4, 5, 6}, 6, 1), "x[2, 0] is +Inf (node 2, feature 0): every value must be a finite float32: correct it, or save it after .nan_to_num(0, 0, 0)"},
		"an infinity below":         {"ret", NewTensor([]float64{0, 0, 0, 0, -inf, 0}, 6), "ret[4] is -Inf: every value must be a finite float32: correct it, or save it after .nan_to_num(0, 0, 0)"},
		"no number":                 {"edge_weight", NewTensor([]float32{1, float32(math.NaN())}, 2), "edge_weight[1] is NaN"},
		"an infinity made finite":   {"x", NewTensor([]float32{1, 2, math.MaxFloat32, 4, 5, 6}, 6, 1), "x[2, 0] is 3.4e+38 (node 2, feature 0), which no feature, weight or return measures: correct it, or save x.where(x.abs() < 1e30, 0)"},
		"one of float64 made so":    {"x", NewTensor([]float64{1, 2, 3, -math.MaxFloat64, 5, 6}, 6, 1), "x[3, 0] is -1.8e+308 (node 3, feature 0), which no feature"},
		"a weight of a placeholder": {"edge_attr", NewTensor([]float32{1e31, 1}, 2, 1), "edge_attr[0, 0] is 1e+31, which no feature, weight or return measures: correct it, or save edge_attr.where(edge_attr.abs() < 1e30, 0)"},
	} {
		f, err := read(t, graphWith(t, c.attribute, c.value))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 190 {
			t.Errorf("%s: got %+v, %v; want %q", name, f, err, c.want)
		}
	}
}
