package torch_test

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// The known answer of Philox4x32-10 for a counter and a key of 0, from its
// authors' Random123: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
func TestDropoutDrawsFromPhilox(t *testing.T) {
	err := in(newThread(t), func(s *torch.Scope) error {
		x := s.Float32s([]float32{1, 1, 1, 1, 1, 1, 1, 1}, 8)
		for _, c := range []struct {
			p    float64
			want []float32
		}{
			// 16 bits each, the lower half of a word first: e8d5 6627 c58d e169 ac4c bc57 dbd8 9b00.
			{0.5, []float32{2, 0, 2, 2, 2, 2, 2, 2}},
			{0.75, []float32{4, 0, 4, 4, 0, 0, 4, 0}},
			{0x9b00 / 65536.0, []float32{1, 0, 1, 1, 1, 1, 1, 1}},
			{0x9b01 / 65536.0, []float32{1, 0, 1, 1, 1, 1, 1, 0}},
			{0, []float32{1, 1, 1, 1, 1, 1, 1, 1}},
		} {
			got := torch.ReadFloat32s(s.ReluDropout(x, c.p, torch.Draw{Step: s.Int64s([]int64{0}, 1)}))
			for i := range got {
				if kept := got[i] != 0; kept != (c.want[i] != 0) {
					t.Errorf("p %v: %v", c.p, got)
					break
				} else if kept && math.Abs(float64(got[i])-1/(1-c.p)) > 1e-6 {
					t.Errorf("p %v: a kept value is %v", c.p, got[i])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// philox is Philox4x32-10 once more, one counter at a time.
func philox(c [4]uint32, seed uint64) [4]uint32 {
	k0, k1 := uint32(seed), uint32(seed>>32)
	for range 10 {
		a, b := uint64(c[0])*0xD2511F53, uint64(c[2])*0xCD9E8D57
		c = [4]uint32{uint32(b>>32) ^ c[1] ^ k0, uint32(b), uint32(a>>32) ^ c[3] ^ k1, uint32(a)}
		k0, k1 = k0+0x9E3779B9, k1+0xBB67AE85
	}
	return c
}

// Counters are drawn side by side in the lanes of a processor: each value has the
// draw of its own place, at every length.
func TestEachValueHasTheDrawOfItsPlace(t *testing.T) {
	err := in(newThread(t), func(s *torch.Scope) error {
		const seed, step, layer, threshold = 0x1234_5678_9abc_def0, 5<<32 + 7, 3, 20_000
		for _, n := range []int{1, 63, 64, 65, 130, 9999} {
			ones := make([]float32, n)
			for i := range ones {
				ones[i] = 1
			}
			got := torch.ReadFloat32s(s.ReluDropout(s.Float32s(ones, int64(n)), threshold/65536.0, torch.Draw{Seed: seed, Step: s.Int64s([]int64{step}, 1), Layer: layer}))
			for i, v := range got {
				bits := philox([4]uint32{uint32(i / 8), layer, uint32(step & 0xFFFFFFFF), step >> 32}, seed)
				if kept := bits[i%8/2]>>(i%2*16)&0xFFFF >= threshold; kept != (v != 0) {
					t.Fatalf("value %d of %d is %v, and its draw keeps it: %v", i, n, v, kept)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDropoutOfOtherStepsLayersAndSeedsIsAnother(t *testing.T) {
	err := in(newThread(t), func(s *torch.Scope) error {
		x := s.Uniform(0.5, 1, 1000)
		drop := func(seed, step int64, layer int) []float32 {
			return torch.ReadFloat32s(s.ReluDropout(x, 0.5, torch.Draw{Seed: seed, Step: s.Int64s([]int64{step}, 1), Layer: layer}))
		}
		first := drop(1, 2, 3)
		if !slices.Equal(first, drop(1, 2, 3)) {
			t.Error("the same draw is not the same")
		}
		for _, other := range [][]float32{drop(2, 2, 3), drop(1, 3, 3), drop(1, 2, 4), drop(1, 2+1<<32, 3), drop(1+1<<32, 2, 3)} {
			same := 0
			for i := range first {
				if (first[i] == 0) == (other[i] == 0) {
					same++
				}
			}
			if same < 420 || same > 580 { // 500, and 5 deviations
				t.Errorf("%d of 1000 values are dropped alike", same)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The mean of a dropped value is the value, its gradient is that of what was kept,
// and what is not positive has none.
func TestDropoutKeepsTheMeanAndItsGradientIsThatOfWhatWasKept(t *testing.T) {
	err := in(newThread(t), func(s *torch.Scope) error {
		const n = 200_001
		const p = 0.1
		x := torch.RequireGrad(s.Uniform(-1, 1, n))
		y := s.ReluDropout(x, p, torch.Draw{Seed: 4, Step: s.Int64s([]int64{7}, 1)})
		ones := make([]float32, n)
		for i := range ones {
			ones[i] = float32(i%5) + 1
		}
		torch.BackwardFrom(y, s.Float32s(ones, n))
		in, out, grad := torch.ReadFloat32s(x), torch.ReadFloat32s(y), torch.ReadFloat32s(s.Grad(x))
		positive, dropped := 0, 0
		for i := range in {
			switch {
			case in[i] <= 0:
				if out[i] != 0 || grad[i] != 0 {
					t.Fatalf("%v gives %v and the gradient %v", in[i], out[i], grad[i])
				}
			case out[i] == 0:
				positive, dropped = positive+1, dropped+1
				if grad[i] != 0 {
					t.Fatalf("a dropped value has the gradient %v", grad[i])
				}
			default:
				positive++
				if scale := out[i] / in[i]; math.Abs(float64(scale)-1/(1-p)) > 1e-5 || math.Abs(float64(grad[i]/ones[i]-scale)) > 1e-5 {
					t.Fatalf("%v gives %v, and its gradient is %v of %v", in[i], out[i], grad[i], ones[i])
				}
			}
		}
		// Five deviations.
		if share := float64(dropped) / float64(positive); math.Abs(share-p) > 5*math.Sqrt(p*(1-p)/float64(positive)) {
			t.Errorf("%.4f of the values are dropped, want %v", share, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
