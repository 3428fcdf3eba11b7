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
	jobs chan job
	done chan struct{}
}

type job struct {
	run    func() error
	result chan<- outcome
}

// outcome is what came of a job: an error, or a panic that is no libtorch
// failure and goes on in the caller's goroutine.
type outcome struct {
	err      error
	panicked any
	stack    []byte
}

// NewThread starts the thread and sets libtorch's number of threads.
func NewThread() (*Thread, error) {
	t := &Thread{jobs: make(chan job), done: make(chan struct{})}
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
	defer close(t.done)
	for j := range t.jobs {
		j.result <- attempt(j.run)
	}
}

// Do runs f on the thread and returns its error, or the failure of a libtorch
// operation in it. Do inside f would wait for itself: do not.
func (t *Thread) Do(f func() error) error {
	result := make(chan outcome, 1)
	t.jobs <- job{f, result}
	o := <-result
	if o.panicked != nil {
		panic(fmt.Sprintf("%v\n\non the libtorch thread:\n%s", o.panicked, o.stack))
	}
	return o.err
}

// Close ends the thread and waits for its end.
func (t *Thread) Close() {
	close(t.jobs)
	<-t.done
}

// attempt is the one place where panics of libtorch operations end: ours
// panic with an *Error, gotorch's with the text of the C++ exception.
func attempt(f func() error) (o outcome) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Error:
			o.err = p
		case string:
			o.err = gotorchError(p)
		default:
			var stop runtime.Error
			if err, ok := p.(error); ok && !errors.As(err, &stop) {
				o.err = err
				return
			}
			o.panicked, o.stack = p, debug.Stack()
		}
	}()
	return outcome{err: f()}
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
