package data

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// drawn is a graph of 300 nodes with features that draw gives.
func drawn(t *testing.T, draw func(r *rand.Rand, node, feature int) float64) *Dataset {
	t.Helper()
	f := smallFile()
	r := rand.New(rand.NewPCG(5, 0))
	const n = 300
	f.Data.NumNodes, f.Data.NumFeatures, f.Data.X, f.Data.Y = n, 3, nil, nil
	for i := range n {
		f.Data.Y = append(f.Data.Y, int64(i%3))
		for j := range 3 {
			f.Data.X = append(f.Data.X, float32(draw(r, i, j)))
		}
	}
	d, err := FromPyG(f, nil, defaultConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFeaturesWhoseScaleAFewValuesDecideAreWarnedOf(t *testing.T) {
	normal := func(r *rand.Rand) float64 { return r.NormFloat64() }
	for name, c := range map[string]struct {
		draw func(r *rand.Rand, node, feature int) float64
		want string // empty: no warning
	}{
		"one value of 1e9": {func(r *rand.Rand, node, feature int) float64 {
			if node == 17 && feature == 1 {
				return 1e9
			}
			return normal(r)
		}, "a few values such as 1e+09 of node_17 decide the scale of x_1: normalised, nearly all nodes look the same there"},
		"-9999 for what is not known": {func(r *rand.Rand, node, _ int) float64 {
			if node%10 == 3 {
				return -9999
			}
			return normal(r) / 10
		}, "a few values such as -1e+04 of node_3 decide the scale of x_0, x_1, x_2"},
		"a clipped infinity": {func(r *rand.Rand, node, feature int) float64 {
			if node == 250 && feature == 2 {
				return -1e29
			}
			return normal(r)
		}, "-1e+29 of node_250 decide the scale of x_2"},
		"volumes over ten orders": {func(r *rand.Rand, _, _ int) float64 { return math.Exp(4 * normal(r)) }, "decide the scale of x_0, x_1, x_2"},

		"a normal feature":         {func(r *rand.Rand, _, _ int) float64 { return 1e6 + normal(r) }, ""},
		"fat tails, as of returns": {func(r *rand.Rand, _, _ int) float64 { return normal(r) / (0.1 + math.Abs(normal(r))) }, ""},
		"volumes":                  {func(r *rand.Rand, _, _ int) float64 { return math.Exp(1.5 * normal(r)) }, ""},
		"words, mostly 0":          {func(_ *rand.Rand, node, feature int) float64 { return float64(b2f(node%50 == feature)) }, ""},
		"scales of their own": {func(r *rand.Rand, _, feature int) float64 {
			return math.Pow(1e5, float64(feature)) * normal(r)
		}, ""},
	} {
		warnings := strings.Join(drawn(t, c.draw).Warnings, "; ")
		if !strings.Contains(warnings, c.want) || c.want == "" && strings.Contains(warnings, "scale") || len(warnings) > 300 {
			t.Errorf("%s: %d characters of warnings: %q", name, len(warnings), warnings)
		}
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
