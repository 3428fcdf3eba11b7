package job

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAForcedEndIsLogged(t *testing.T) {
	if os.Getenv("FORCE_END") != "" {
		ForceEnd([]string{"LOG_FORMAT=json", "LOG_LEVEL=warn"}, os.Stderr)(Stopped{syscall.SIGTERM}, 3200*time.Millisecond)
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAForcedEndIsLogged$")
	c.Env = append(os.Environ(), "FORCE_END=1")
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 143 || !strings.Contains(string(out), `"level":"warn"`) || !strings.Contains(string(out), "SIGTERM again, 3.2 seconds after the first signal: ending at once") {
		t.Errorf("%v\n%s", c.ProcessState, out)
	}
}

// A terminal that is closed stops the run as SIGTERM does, unless nohup started it.
func TestSIGHUPStopsARunThatNohupDidNotStart(t *testing.T) {
	if send := os.Getenv("STOP_ON"); send != "" {
		if send == "nohup" {
			signal.Ignore(syscall.SIGHUP)
		}
		ctx, stop := StopOnSignal(func(Stopped, time.Duration) {})
		defer stop()
		first := map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "SIGHUP": syscall.SIGHUP, "nohup": syscall.SIGHUP}[send]
		if err := syscall.Kill(os.Getpid(), first); err != nil {
			t.Fatal(err)
		}
		if send == "nohup" { // SIGHUP is not heard of: the next one is the first
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		<-ctx.Done()
		s := Stopped{}
		if !errors.As(context.Cause(ctx), &s) {
			t.Fatal(context.Cause(ctx))
		}
		os.Exit(s.ExitCode())
	}
	// A child starts with the default for signals that are caught here, and with
	// those that are ignored still ignored: the tests themselves may run under nohup.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for send, want := range map[string]int{"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 129, "nohup": 143} {
		c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSIGHUPStopsARunThatNohupDidNotStart$")
		c.Env = append(os.Environ(), "STOP_ON="+send)
		out, _ := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", send, code, want, out)
		}
	}
}

func TestARepeatedSignalIsOneStopAndALaterOneEndsTheProcess(t *testing.T) {
	type sent struct {
		signal syscall.Signal
		at     time.Duration // after the first
	}
	const term, ctrlC = syscall.SIGTERM, syscall.SIGINT
	for name, c := range map[string]struct {
		sent   []sent
		stops  []Stopped
		forced []time.Duration
	}{
		"one":                             {[]sent{{term, 0}}, []Stopped{{term}}, nil},
		"timeout, to child and group":     {[]sent{{term, 0}, {term, 0}}, []Stopped{{term}}, nil},
		"three in half a second":          {[]sent{{ctrlC, 0}, {ctrlC, time.Second / 4}, {term, time.Second / 2}}, []Stopped{{ctrlC}}, nil},
		"just within two seconds":         {[]sent{{term, 0}, {term, 2*time.Second - 1}}, []Stopped{{term}}, nil},
		"after two seconds":               {[]sent{{term, 0}, {term, 2 * time.Second}}, []Stopped{{term}}, []time.Duration{2 * time.Second}},
		"a repeat, and a minute later":    {[]sent{{term, 0}, {term, time.Millisecond}, {ctrlC, time.Minute}}, []Stopped{{term}}, []time.Duration{time.Minute}},
		"what comes after that, no more":  {[]sent{{ctrlC, 0}, {ctrlC, time.Minute}, {ctrlC, time.Hour}}, []Stopped{{ctrlC}}, []time.Duration{time.Minute}},
		"a repeat does not move the time": {[]sent{{term, 0}, {term, time.Second}, {term, 5 * time.Second / 2}}, []Stopped{{term}}, []time.Duration{5 * time.Second / 2}},
	} {
		signals := make(chan os.Signal, len(c.sent))
		begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, s := range c.sent {
			signals <- s.signal
		}
		close(signals)
		next := 0
		now := func() time.Time {
			at := begin.Add(c.sent[next].at)
			next++
			return at
		}
		var stops []Stopped
		var forced []time.Duration
		handleSignals(signals, now, func(s Stopped) { stops = append(stops, s) }, func(_ Stopped, after time.Duration) { forced = append(forced, after) })
		if !slices.Equal(stops, c.stops) || !slices.Equal(forced, c.forced) {
			t.Errorf("%s: stopped by %v, forced after %v", name, stops, forced)
		}
	}
}
