package torch_test

import (
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gotorch "github.com/wangkuiyi/gotorch"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// newThread fails the test if a native object outlives it.
func newThread(t testing.TB) *torch.Thread {
	t.Helper()
	before := torch.LiveHandles()
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		thread.Close()
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d native handles are left", left)
		}
	})
	return thread
}

// in runs f on the thread with a scope of its own.
func in(thread *torch.Thread, f func(s *torch.Scope) error) error {
	return thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		return f(s)
	})
}

func TestAnErrorInLibtorchIsAGoErrorAndTheThreadGoesOn(t *testing.T) {
	cases := []struct {
		name, says string
		do         func(s *torch.Scope)
	}{
		{"shapes that do not fit, in our forward", "linear", func(s *torch.Scope) {
			s.Linear(s.Float32s(make([]float32, 6), 2, 3), s.Float32s(make([]float32, 20), 4, 5), torch.Tensor{})
		}},
		{"shapes that do not fit, in gotorch's forward", "gotorch", func(s *torch.Scope) {
			s.Add(s.Float32s(make([]float32, 6), 2, 3), s.Float32s(make([]float32, 20), 4, 5))
		}},
		{"an adjacency of another number of nodes", "adjacency of 3 nodes", func(s *torch.Scope) {
			a := torch.NewAdjacency(3, nil, nil)
			defer a.Close()
			s.Matmul(a, s.Float32s(make([]float32, 8), 4, 2))
		}},
		{"a dangling edge", "edge 1 joins 0 and 7 in a graph of 3 nodes", func(*torch.Scope) {
			torch.NewAdjacency(3, []int64{0, 0, 1, 7}, nil)
		}},
		{"edge weights of another number", "edge_weight of 1", func(*torch.Scope) {
			torch.NewAdjacency(3, []int64{0, 0, 1, 2}, []float32{1})
		}},
		{"a class past the logits", "cross-entropy", func(s *torch.Scope) {
			s.CrossEntropy(s.Float32s(make([]float32, 6), 2, 3), s.Int64s([]int64{0, 3}, 2), torch.Tensor{})
		}},
		{"a backward pass from a shape that is no scalar", "backward", func(s *torch.Scope) {
			x := torch.RequireGrad(s.Float32s([]float32{1, -2}, 2))
			torch.Backward(s.Relu(x))
		}},
		{"a gradient of another shape, in backward", "backward", func(s *torch.Scope) {
			x := torch.RequireGrad(s.Float32s([]float32{1, -2}, 2))
			torch.BackwardFrom(s.Relu(x), s.Float32s([]float32{1, 2, 3}, 3))
		}},
		{"a parameter that changed its shape, in the step", "optimiser step: Adam step: parameter 0 has shape [3]", func(s *torch.Scope) {
			x := torch.RequireGrad(s.Float32s([]float32{1, 2}, 2))
			adam := torch.NewAdam([]torch.Tensor{x}, torch.AdamConfig{LearningRate: 1})
			defer adam.Close()
			torch.SetData(x, s.Float32s([]float32{1, 2, 3}, 3))
			torch.BackwardFrom(s.Relu(x), s.Float32s([]float32{1, 1, 1}, 3))
			adam.Step(torch.Tensor{}, 0)
		}},
		{"TorchScript that does not parse", "compiling TorchScript", func(*torch.Scope) {
			m := torch.NewModule("Broken")
			defer m.Close()
			m.Define("def forward(self, x:\n")
		}},
		{"a file that is no model", "loading TorchScript", func(*torch.Scope) {
			torch.LoadModule([]byte("PK\x03\x04 and nothing more"))
		}},
		{"a shape that its values do not fill", "making a tensor", func(s *torch.Scope) {
			s.Float32s([]float32{1, 2, 3}, 2, 2)
		}},
	}
	thread := newThread(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := in(thread, func(s *torch.Scope) error {
				c.do(s)
				return nil
			})
			var e *torch.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *torch.Error", err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
			if errors.Is(err, torch.ErrOutOfMemory) {
				t.Errorf("%q is no lack of memory", err)
			}
		})
	}
	if err := thread.Do(func() error { return nil }); err != nil {
		t.Errorf("the thread does not continue: %v", err)
	}
}

func TestTooLittleMemoryIsErrOutOfMemory(t *testing.T) {
	const exabyte = 1 << 58 // floats that no address space holds
	thread := newThread(t)
	for name, do := range map[string]func(s *torch.Scope){
		"in csrc":    func(s *torch.Scope) { s.Uniform(0, 1, exabyte/4) },
		"in gotorch": func(s *torch.Scope) { s.Adopt(gotorch.Empty([]int64{exabyte / 4}, false)) },
	} {
		t.Run(name, func(t *testing.T) {
			err := in(thread, func(s *torch.Scope) error {
				do(s)
				return nil
			})
			if !errors.Is(err, torch.ErrOutOfMemory) {
				t.Errorf("got %v, want ErrOutOfMemory", err)
			}
		})
	}
}

func TestAPanicThatIsNotLibtorchsReachesTheCaller(t *testing.T) {
	thread := newThread(t)
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "index out of range") {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = thread.Do(func() error {
		var empty []int
		_ = empty[len(os.Args)]
		return nil
	})
	t.Error("a Go mistake was swallowed")
}

func TestAdjacencyMultipliesAndItsGradientIsItsTranspose(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		// Node 1 receives messages from 0 (weight 2), node 2 from 0 (3) and 1 (5).
		a := torch.NewAdjacency(3, []int64{0, 0, 1, 1, 2, 2}, []float32{2, 3, 5})
		x := torch.RequireGrad(s.Float32s([]float32{1, 10, 100}, 3, 1))
		out := s.Matmul(a, x)
		a.Close() // the backward pass keeps what it needs
		if got := torch.ReadFloat32s(out); !slices.Equal(got, []float32{0, 2, 53}) {
			t.Errorf("A x is %v", got)
		}
		torch.BackwardFrom(out, s.Float32s([]float32{1, 1, 1}, 3, 1))
		if got := torch.ReadFloat32s(s.Grad(x)); !slices.Equal(got, []float32{5, 5, 0}) {
			t.Errorf("A^T 1 is %v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestABatchOfAdjacenciesIsBlockDiagonal(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		a := torch.NewAdjacency(2, []int64{0, 1}, []float32{2})
		defer a.Close()
		b := torch.NewAdjacency(1, []int64{0, 0}, []float32{3})
		defer b.Close()
		both := torch.CatAdjacency([]*torch.Adjacency{a, b, a}, torch.CPU)
		defer both.Close()
		got := torch.ReadFloat32s(s.Matmul(both, s.Float32s([]float32{1, 2, 3, 4, 5}, 5, 1)))
		if want := []float32{0, 2, 9, 0, 8}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrossEntropyLeavesOutMaskedRowsAndWeighsClasses(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		logits := s.Float32s([]float32{0, 0, 9, -9, 1, 0}, 3, 2)
		target := s.Int64s([]int64{0, -100, 1}, 3)
		plain := torch.Item(s.CrossEntropy(logits, target, torch.Tensor{}))
		first, third := math.Log(2), math.Log(1+math.E)
		if want := (first + third) / 2; math.Abs(plain-want) > 1e-6 {
			t.Errorf("loss %v, want %v", plain, want)
		}
		weighted := torch.Item(s.CrossEntropy(logits, target, s.Float32s([]float32{1, 3}, 2)))
		if want := (first + 3*third) / 4; math.Abs(weighted-want) > 1e-6 {
			t.Errorf("weighted loss %v, want %v", weighted, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// step is a training step with everything in it.
func step(s *torch.Scope, adam *torch.Adam, w, b, x, y torch.Tensor, a *torch.Adjacency) float64 {
	batch := torch.CatAdjacency([]*torch.Adjacency{a, a}, torch.CPU)
	defer batch.Close()
	h := s.Dropout(s.Relu(s.Linear(s.Matmul(batch, s.Take(x, []int64{1, 0})), w, b)), 0.1, true)
	loss := s.CrossEntropy(h, s.Take(y, []int64{1, 0}), torch.Tensor{})
	torch.Backward(loss)
	return adam.Step(loss, 1).Loss
}

func TestTenThousandStepsUnderConstantGarbageCollectionLeaveNothing(t *testing.T) {
	steps := 10_000
	if testing.Short() {
		steps = 1_000
	}
	thread := newThread(t)
	stop, collected := make(chan struct{}), sync.WaitGroup{}
	collected.Go(func() { // what frees an input too early, if anything does
		often := time.NewTicker(200 * time.Microsecond)
		defer often.Stop()
		for {
			select {
			case <-stop:
				return
			case <-often.C:
				runtime.GC()
			}
		}
	})
	defer collected.Wait()
	defer close(stop)
	err := in(thread, func(model *torch.Scope) error {
		w := torch.RequireGrad(model.Clone(model.Uniform(-1, 1, 4, 3)))
		b := torch.RequireGrad(model.Clone(model.Uniform(-1, 1, 4)))
		x := model.Uniform(-1, 1, 2, 50, 3)
		y := model.Int64s(make([]int64, 100), 2, 50)
		a := torch.NewGCNAdjacency(50, []int64{0, 1, 2, 1, 2, 3}, nil)
		defer a.Close()
		adam := torch.NewAdam([]torch.Tensor{w, b}, torch.AdamConfig{LearningRate: 1e-4})
		defer adam.Close()
		var handles int64
		var memory float64
		for i := range steps {
			s := torch.NewScope()
			step(s, adam, w, b, x, y, a)
			s.Close()
			if i == steps/10 { // caches and the allocator are warm by then
				handles, memory = torch.LiveHandles(), residentMB(t)
			}
		}
		if now := torch.LiveHandles(); now != handles {
			t.Errorf("%d live handles after step %d, %d at the end", handles, steps/10, now)
		}
		if now := residentMB(t); now > 1.05*memory {
			t.Errorf("resident memory grew from %.1f to %.1f MB", memory, now)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func residentMB(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0.0
	for _, c := range strings.Fields(string(status))[1] {
		pages = 10*pages + float64(c-'0')
	}
	return pages * float64(os.Getpagesize()) / 1e6
}

func TestTheSameSeedGivesTheSameBits(t *testing.T) {
	thread := newThread(t)
	draw := func(seed int64) (values []float32) {
		err := in(thread, func(s *torch.Scope) error {
			torch.ManualSeed(seed)
			values = torch.ReadFloat32s(s.Dropout(s.Uniform(-1, 1, 1000), 0.5, true))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	if !slices.Equal(draw(1), draw(1)) {
		t.Error("one seed, two results")
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("two seeds, one result")
	}
}

func TestWithoutADriverCUDAIsRejectedByName(t *testing.T) {
	if _, err := os.Stat("/dev/nvidiactl"); err == nil {
		t.Skip("this machine has an NVIDIA driver")
	}
	thread := newThread(t)
	err := thread.Do(func() error {
		_, err := torch.LoadCUDA()
		return err
	})
	if !errors.Is(err, torch.ErrNoCUDA) || !strings.Contains(err.Error(), "libcuda.so.1") {
		t.Errorf("got %v", err)
	}
}

func TestTheMemoryOfADeviceIsReportedOnlyOnceCUDAIsLoaded(t *testing.T) {
	thread := newThread(t)
	var none *torch.Error
	if _, err := torch.DeviceMemory(0); !errors.As(err, &none) || !errors.Is(err, torch.ErrNoCUDA) {
		t.Errorf("before it is loaded: %v", err)
	}
	if bytes, err := torch.DeviceTotal(0); !errors.Is(err, torch.ErrNoCUDA) || bytes != 0 {
		t.Errorf("before it is loaded the device has %d bytes: %v", bytes, err)
	}
	if _, err := os.Stat("/dev/nvidiactl"); err != nil {
		return // and it never will be
	}
	err := thread.Do(func() error {
		_, err := torch.LoadCUDA()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := torch.DeviceMemory(0); err != nil || m.Allocated > m.AllocatedPeak || m.Allocated > m.Reserved {
		t.Errorf("%+v, %v", m, err)
	}
	if bytes, err := torch.DeviceTotal(0); err != nil || bytes < 1<<30 {
		t.Errorf("the device has %d bytes: %v", bytes, err)
	}
}

func TestNoGradEndsWithItsFunction(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		x := torch.RequireGrad(s.Float32s([]float32{2}, 1))
		func() {
			defer func() { _ = recover() }()
			torch.NoGrad(func() { panic(&torch.Error{Op: "a failure inside"}) })
		}()
		torch.Backward(s.Relu(x)) // fails if recording is still off
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheGeneratorGoesOnFromAStateThatWasRead(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		torch.ManualSeed(1)
		state := torch.RNGState(torch.CPU)
		want := torch.ReadFloat32s(s.Uniform(0, 1, 8))
		torch.ManualSeed(2)
		torch.SetRNGState(torch.CPU, state)
		if got := torch.ReadFloat32s(s.Uniform(0, 1, 8)); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string][]byte{"nothing": nil, "too short": make([]byte, 17)} {
		if err := thread.Do(func() error { torch.SetRNGState(torch.CPU, state); return nil }); err == nil {
			t.Errorf("a state of %s is taken", name)
		}
	}
}

func TestAnOptimisersStateIsItsOwnMemory(t *testing.T) {
	thread := newThread(t)
	err := in(thread, func(s *torch.Scope) error {
		w := torch.RequireGrad(s.Float32s([]float32{1, 2}, 2))
		a := torch.NewAdam([]torch.Tensor{w}, torch.AdamConfig{LearningRate: 0.1})
		defer a.Close()
		torch.BackwardFrom(w, s.Float32s([]float32{1, -1}, 2))
		a.Step(torch.Tensor{}, 0)
		state := a.State(s, 0)
		if steps := torch.Item(state.Step); steps != 1 {
			t.Errorf("%v steps", steps)
		}
		torch.Fill(state.Step, 41)
		torch.BackwardFrom(w, s.Float32s([]float32{1, -1}, 2))
		a.Step(torch.Tensor{}, 0)
		if steps := torch.Item(a.State(s, 0).Step); steps != 42 {
			t.Errorf("%v steps after 41 were set and one was taken", steps)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := in(thread, func(s *torch.Scope) error {
		a := torch.NewAdam([]torch.Tensor{torch.RequireGrad(s.Float32s([]float32{1}, 1))}, torch.AdamConfig{LearningRate: 0.1})
		defer a.Close()
		a.State(s, 1)
		return nil
	}); err == nil {
		t.Error("a parameter that is not there has a state")
	}
}

func TestTheLibtorchThatIsLoadedIsTheOneItWasBuiltFor(t *testing.T) {
	if got, err := torch.LoadedVersion(); got != torch.Version() || err != nil {
		t.Errorf("%q is loaded, and it was built for %q: %v", got, torch.Version(), err)
	}
}
