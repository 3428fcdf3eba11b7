package evaluation

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// autoregressive draws n values whose neighbours have the correlation rho.
func autoregressive(r *rand.Rand, n int, mean, rho float64) []float64 {
	values := make([]float64, n)
	state := r.NormFloat64()
	for i := range values {
		state = rho*state + math.Sqrt(1-rho*rho)*r.NormFloat64()
		values[i] = mean + state
	}
	return values
}

func TestStatisticsAgreeWithStatsmodels(t *testing.T) {
	type given struct {
		Values  []float64 `json:"values"`
		Lags    int       `json:"lags"`
		Horizon int       `json:"horizon"`
		P       []float64 `json:"p"`
	}
	r := rand.New(rand.NewPCG(1, 1))
	var cases []given
	for _, n := range []int{5, 40, 1000} {
		for _, horizon := range []int{1, 2, 4} {
			c := given{Values: autoregressive(r, n, 0.1, 0.4), Lags: NeweyWestLags(n) + horizon - 1, Horizon: horizon}
			for range 1 + r.IntN(7) {
				c.P = append(c.P, math.Pow(r.Float64(), 3))
			}
			c.P = append(c.P, c.P[0], 1)
			cases = append(cases, c)
		}
	}
	file := filepath.Join(t.TempDir(), "given.json")
	content, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var want []struct {
		NeweyWest      float64 `json:"newey_west"`
		DieboldMariano float64 `json:"diebold_mariano"`
		P              float64
		Holm           []float64
	}
	runPython(t, &want, "tests_reference.py", file)
	near := func(name string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
			t.Errorf("%s is %v, statsmodels has %v", name, got, want)
		}
	}
	for i, c := range cases {
		near("Newey and West's t", NeweyWest(c.Values, c.Lags), want[i].NeweyWest)
		statistic, p := DieboldMariano(c.Values, c.Horizon)
		if !math.IsNaN(statistic) { // a rectangular kernel may give no variance
			near("Diebold and Mariano's statistic", statistic, want[i].DieboldMariano)
			near("its p", p, want[i].P)
		}
		for k, v := range Holm(c.P) {
			near("Holm's p", v, want[i].Holm[k])
		}
	}
}

func TestStatisticsOfTooFewValuesAreUndefined(t *testing.T) {
	for _, values := range [][]float64{nil, {1}, {2, 2, 2}} {
		if v := NeweyWest(values, 1); !math.IsNaN(v) {
			t.Errorf("Newey and West's t of %v is %v", values, v)
		}
		if v, p := DieboldMariano(values, 1); !math.IsNaN(v) || !math.IsNaN(p) {
			t.Errorf("Diebold and Mariano's statistic of %v is %v with p %v", values, v, p)
		}
	}
	if got := Holm([]float64{math.NaN(), 0.01, 0.04}); !math.IsNaN(got[0]) || got[1] != 0.02 || got[2] != 0.04 {
		t.Errorf("Holm's p are %v", got)
	}
}
