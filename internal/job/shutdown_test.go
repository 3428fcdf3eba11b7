package job

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoIsStillAtWorkAfterAStopIsLeftBehindAndToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShutdown(t.Context())
		defer s.over()
		time.AfterFunc(time.Hour, func() { s.stop(Stopped{syscall.SIGTERM}) })
		var dump bytes.Buffer
		stuck := make(chan struct{})
		begin := time.Now()
		err := s.supervise(20*time.Second, &dump, func() Ending { <-stuck; return Ending{} }).Err
		if took := time.Since(begin); !errors.Is(err, errOverrun) || took != time.Hour+20*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if err := s.overdue(); err != nil {
			t.Errorf("at its watchdog it is overdue: %v", err)
		}
		time.Sleep(time.Second)
		if err := s.overdue(); !errors.Is(err, errOverrun) {
			t.Errorf("past it %v", err)
		}
		if !strings.Contains(dump.String(), "goroutine ") || !strings.Contains(dump.String(), "TestWhoIsStillAtWork") {
			t.Errorf("the dump says\n%s", dump.String())
		}
		close(stuck)
	})
}

func TestWhoEndsInTimeIsNotToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShutdown(t.Context())
		defer s.over()
		s.stop(Stopped{syscall.SIGTERM})
		var dump bytes.Buffer
		e := s.supervise(20*time.Second, &dump, func() Ending { time.Sleep(19 * time.Second); return Ending{ModelPath: "here"} })
		if e.ModelPath != "here" || e.Err != nil || dump.Len() > 0 {
			t.Errorf("%+v, %q", e, dump.String())
		}
	})
}

func TestWritesOutliveAStopForAWhileAndWithoutOneForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShutdown(t.Context())
		defer s.over()
		grace, cancel := s.withGrace(18 * time.Second)
		defer cancel()
		time.Sleep(7 * 24 * time.Hour)
		if err := s.overdue(); err != nil {
			t.Errorf("a run without a stop is overdue: %v", err)
		}
		if grace.Err() != nil {
			t.Errorf("without a stop: %v", context.Cause(grace))
		}
		last, done := s.terminalContext()
		if deadline, _ := last.Deadline(); time.Until(deadline) != terminalTimeout {
			t.Errorf("without a stop the last event has %v", time.Until(deadline))
		}
		done()

		stopped := time.Now()
		s.stop(Stopped{syscall.SIGTERM})
		s.stop(errors.New("a later one"))
		synctest.Wait()
		if cause := context.Cause(s); cause != (Stopped{syscall.SIGTERM}) {
			t.Errorf("the cause is %v", cause)
		}
		<-grace.Done()
		if took := time.Since(stopped); took != 18*time.Second || !errors.Is(context.Cause(grace), context.DeadlineExceeded) {
			t.Errorf("after %v: %v", took, context.Cause(grace))
		}
		last, done = s.terminalContext()
		defer done()
		if deadline, _ := last.Deadline(); deadline.Sub(stopped) != stopEvent {
			t.Errorf("the last event has until %v after the stop", deadline.Sub(stopped))
		}
	})
}

func TestTheTimesAfterAStopFitIntoAPodsGrace(t *testing.T) {
	if !(stopWrites < stopWatchdog && stopWatchdog < stopEvent && stopEvent <= 25*time.Second) {
		t.Errorf("writes %v, watchdog %v, event %v", stopWrites, stopWatchdog, stopEvent)
	}
}
