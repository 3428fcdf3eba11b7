package job

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
)

// repeatWindow is how long after the first signal another one is taken for its
// repeat. timeout signals its child and then the group that the child is in, a
// terminal's Ctrl-C reaches a wrapper that passes it on, and both mean one stop.
const repeatWindow = 2 * time.Second

// StopOnSignal gives a context that the first SIGTERM, SIGINT or SIGHUP ends, with
// Stopped as its cause. A signal after repeatWindow is given to force, with the
// time since the first, and ends the process at once.
func StopOnSignal(force func(s Stopped, after time.Duration)) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if !signal.Ignored(syscall.SIGHUP) { // nohup: the run outlives its terminal
		signal.Notify(signals, syscall.SIGHUP)
	}
	go handleSignals(signals, time.Now, func(s Stopped) { cancel(s) }, force)
	return ctx, func() { cancel(nil) }
}

// handleSignals tells a first signal from its repeats and from a later one.
func handleSignals(signals <-chan os.Signal, now func() time.Time, stop func(Stopped), force func(Stopped, time.Duration)) {
	var first time.Time
	for s := range signals {
		number, ok := s.(syscall.Signal)
		switch at := now(); {
		case !ok:
		case first.IsZero():
			first = at
			stop(Stopped{number})
		case at.Sub(first) >= repeatWindow:
			force(Stopped{number}, at.Sub(first))
			return
		}
	}
}

// ForceEnd logs that a second signal ends the process, without a terminal event,
// and ends it with the exit code of that signal. It does not return.
func ForceEnd(environ []string, stderr *os.File) func(s Stopped, after time.Duration) {
	return func(s Stopped, after time.Duration) {
		terminal := progress.IsTerminal(stderr)
		log := newLogger(config.LoadLog(environ), progress.NewConsole(stderr, terminal), terminal)
		log.Warn().Float64("seconds_after_the_first", after.Seconds()).
			Msgf("%s again, %.1f seconds after the first signal: ending at once, and what is under way is lost", s.Name(), after.Seconds())
		os.Exit(s.ExitCode())
	}
}
