package torch_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestAPanicWithATextIsNotGotorchsUnlessGotorchRaisedIt(t *testing.T) {
	thread := newThread(t)
	defer func() {
		p, _ := recover().(string)
		if !strings.Contains(p, "a mistake of ours") || !strings.Contains(p, "thread_test.go") {
			t.Errorf("recovered %q, want the panic and where it was", p)
		}
	}()
	err := thread.Do(func() error { panic("a mistake of ours") })
	t.Errorf("a mistake is taken for a failure of libtorch: %v", err)
}

func TestGoexitEndsTheCallerAndNotTheThread(t *testing.T) {
	thread := newThread(t)
	ended, returned := make(chan struct{}), false
	go func() {
		defer close(ended)
		_ = thread.Do(func() error { runtime.Goexit(); return nil })
		returned = true
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the caller hangs")
	}
	if returned {
		t.Error("Do returned, and the caller continues as if all were done")
	}
	threads := 0
	err := in(thread, func(s *torch.Scope) error {
		threads = torch.Threads()
		torch.Backward(s.Relu(torch.RequireGrad(s.Float32s([]float32{1}, 1))))
		return nil
	})
	if err != nil {
		t.Errorf("the thread does not continue: %v", err)
	}
	if want, _, _ := torch.WantedThreads(); threads != want {
		t.Errorf("it continues with %d threads, want %d", threads, want)
	}
}

func TestNoGradInsideNoGradRecordsNothingAtItsEnd(t *testing.T) {
	err := in(newThread(t), func(s *torch.Scope) error {
		x := torch.RequireGrad(s.Float32s([]float32{2}, 1))
		var y torch.Tensor
		torch.NoGrad(func() {
			torch.NoGrad(func() {})
			y = s.Relu(x)
		})
		torch.Backward(y)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "does not require grad") {
		t.Errorf("after the inner NoGrad, operations are recorded: %v", err)
	}
}
