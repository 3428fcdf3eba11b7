package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestVectorInstructionsGiveTheBitsOfPlainGo(t *testing.T) {
	r := newRand(4)
	odd := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, math.MaxFloat64}
	number := func() float64 {
		if r.IntN(20) == 0 {
			return odd[r.IntN(len(odd))]
		}
		return r.NormFloat64()
	}
	var exceed int
	for m := range 100 {
		floats := func() []float64 {
			f := make([]float64, m)
			for k := range f {
				f[k] = number()
			}
			return f
		}
		vector := newPairRow(m + r.IntN(9))
		vector.of(m)
		vector.products, vector.entering, vector.leaving, vector.sum, vector.scale = floats(), floats(), floats(), floats(), floats()
		vector.ownEntering, vector.ownLeaving, vector.ownMean, vector.ownScale = number(), number(), number(), number()
		for range m {
			vector.floor = append(vector.floor, float32(number()))
		}
		vector.ownFloor = float32(number())
		plain := vector
		plain.products = slices.Clone(vector.products)
		plain.correlation, plain.exceedsOwn, plain.exceedsOther = make([]float32, m), make(bitset, len(vector.exceedsOwn)), make(bitset, len(vector.exceedsOther))
		plain.correlateFrom(0)
		for k, c := range plain.correlation { // what equals a floor does not exceed it
			if r.IntN(4) == 0 {
				plain.floor[k] = c
			} else if r.IntN(m) == 0 {
				plain.ownFloor, vector.ownFloor = c, c
			}
		}
		copy(plain.products, vector.products)
		stain(r, &plain)
		stain(r, &vector)
		vector.correlate()
		plain.correlateFrom(0)
		for k := range m {
			if a, b := vector.products[k], plain.products[k]; !sameNumber(a, b) {
				t.Fatalf("product %d of %d is %v, plain Go gives %v", k, m, a, b)
			}
			if a, b := vector.correlation[k], plain.correlation[k]; !sameNumber(float64(a), float64(b)) {
				t.Fatalf("correlation %d of %d is %v, plain Go gives %v", k, m, a, b)
			}
		}
		if !slices.Equal(vector.exceedsOwn, plain.exceedsOwn) || !slices.Equal(vector.exceedsOther, plain.exceedsOther) {
			t.Fatalf("of %d nodes %b and %b exceed their floors, plain Go gives %b and %b", m,
				vector.exceedsOwn, vector.exceedsOther, plain.exceedsOwn, plain.exceedsOther)
		}
		for k := range vector.exceedsOther.members() {
			exceed++
			if !(vector.correlation[k] > vector.floor[k]) {
				t.Fatalf("correlation %d of %d, %v, is said to exceed %v", k, m, vector.correlation[k], vector.floor[k])
			}
		}
	}
	if exceed < 100 {
		t.Errorf("only %d exceeded a floor", exceed)
	}
}

// stain fills what a row computes with what a row before may have left there.
func stain(r *rand.Rand, p *pairRow) {
	for k := range p.correlation {
		p.correlation[k] = float32(r.NormFloat64())
	}
	for k := range p.exceedsOwn {
		p.exceedsOwn[k], p.exceedsOther[k] = uint8(r.Uint32()), uint8(r.Uint32())
	}
}

// sameNumber reports whether a and b are the same number, of zeros the same, or
// both none.
func sameNumber(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}
