package torch

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// Thread runs functions one after another on one OS thread: libtorch keeps
// caches and its OpenMP workers by thread, and its grad mode is thread-local.
type Thread struct {
	tasks chan task
	done  chan struct{}
}

type task struct {
	f      func() error
	result chan<- taskResult
}

// taskResult is how a task ended: with an error or none, or with a panic that is
// no libtorch failure or a Goexit, which both go on in the caller's goroutine.
type taskResult struct {
	err      error
	panicked any
	stack    []byte
	exited   bool
}

// NewThread starts the thread and sets libtorch's number of threads.
func NewThread() (*Thread, error) {
	t := &Thread{tasks: make(chan task), done: make(chan struct{})}
	go t.loop()
	if err := t.Do(prepare); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Thread) loop() {
	// Never unlocked: the OS thread ends with the goroutine, and its caches too.
	runtime.LockOSThread()
	closed := false
	defer func() {
		if !closed { // a task called runtime.Goexit, which nothing stops
			go t.loop()
			return
		}
		close(t.done)
	}()
	for task := range t.tasks {
		task.run()
	}
	closed = true
}

func (k task) run() {
	r := taskResult{exited: true} // unless attempt returns
	defer func() { k.result <- r }()
	r = attempt(k.f)
}

// Do runs f on the thread and returns its error, or the failure of a libtorch
// operation in it. Where f calls runtime.Goexit, as t.Fatal of a test does, the
// caller's goroutine exits. Do inside f would wait for itself: do not.
func (t *Thread) Do(f func() error) error {
	result := make(chan taskResult, 1)
	t.tasks <- task{f, result}
	r := <-result
	if r.exited {
		runtime.Goexit()
	}
	if r.panicked != nil {
		panic(fmt.Sprintf("%v\n\non the libtorch thread:\n%s", r.panicked, r.stack))
	}
	return r.err
}

// Close ends the thread and waits for its end.
func (t *Thread) Close() {
	close(t.tasks)
	<-t.done
}

// attempt is the one place where panics of libtorch operations end: ours
// panic with an *Error, gotorch's with the text of the C++ exception.
func attempt(f func() error) (r taskResult) {
	defer func() {
		switch p := recover().(type) {
		case nil:
			return
		case *Error:
			r.err = p
			return
		case string:
			if raisedByGotorch() {
				r.err = gotorchError(p)
				return
			}
			r.panicked = p
		default:
			var mistake runtime.Error
			if err, ok := p.(error); ok && !errors.As(err, &mistake) {
				r.err = err
				return
			}
			r.panicked = p
		}
		r.stack = debug.Stack()
	}()
	return taskResult{err: f()}
}

// raisedByGotorch tells whether the panic under way is gotorch's. It panics with
// a bare string, as any Go code may, so only the stack says whose it is.
func raisedByGotorch() bool {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for panicking, more := false, true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicking = true
		case panicking:
			return strings.HasPrefix(frame.Function, "github.com/wangkuiyi/gotorch.")
		}
	}
	return false
}

// gotorchError types the text of a gotorch panic. gotorch keeps only what(),
// so out of memory is known by libtorch's own wording.
func gotorchError(text string) error {
	e := &Error{Op: "gotorch", Message: text}
	if strings.Contains(text, "out of memory") || strings.Contains(text, "DefaultCPUAllocator") {
		e.kind = ErrOutOfMemory
	}
	return e
}
