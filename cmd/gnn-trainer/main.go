// Command gnn-trainer trains a graph neural network on market data, set by
// environment variables alone: `gnn-trainer env` prints them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/doctor"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/libtorch"
	"github.com/streamforge/gnn-trainer/internal/libtorch/ompinit"
)

// Set at link time: what `git describe` says, the commit, and its time, which
// stands for the time of the build so that a build can be repeated to the bit.
var version, commit, date = "unknown", "unknown", "unknown"

const usage = `gnn-trainer trains a graph neural network on market data.

  gnn-trainer [train]   run the job that the environment describes
  gnn-trainer record    keep order books from Binance's stream in CACHE_DIR,
                        for a later training, until it is stopped
  gnn-trainer doctor [--json]
                        look at all that a run would use, as the environment
                        describes it: configuration, libtorch, device, disk and
                        memory, Kafka, MinIO, the data's source, clock; tell what
                        is wrong and how to mend it, and leave nothing behind
  gnn-trainer env       print the table of environment variables
  gnn-trainer version   print versions
  gnn-trainer help      print this

Exit codes: 0 done, 1 a failure worth a retry, 2 wrong configuration or input,
130 and 143 stopped by SIGINT and SIGTERM with the model so far stored (record
ends with 0 then). Of doctor: 0 a run can start, 2 something is to be mended, 1
what failed may come back by itself.
`

func main() {
	// A crash of the Go runtime would otherwise end with exit code 2, which
	// says "wrong input, do not retry": this makes it SIGABRT.
	debug.SetTraceback("crash")
	if err := ompinit.WaitBriefly(); err != nil {
		fmt.Fprintln(os.Stderr, "OpenMP's threads keep their own way of waiting:", err)
	}
	// A reader of stdout or stderr that leaves must not end the training: the
	// write fails, which is told where it can be.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	command := "train"
	if len(args) == 1 {
		command = args[0]
	}
	switch {
	case len(args) > 0 && args[0] == "doctor":
		return diagnose(args[1:])
	case len(args) > 1:
		fmt.Fprintf(os.Stderr, "gnn-trainer takes one word at most and got %d; settings are environment variables\n\n%s", len(args), usage)
		return job.ExitInput
	case command == "train":
		ctx, stop := stopOnSignal()
		defer stop()
		return job.Train(ctx, os.Environ(), version, os.Stdout, os.Stderr)
	case command == "record":
		ctx, stop := stopOnSignal()
		defer stop()
		return job.Record(ctx, os.Environ(), os.Stderr)
	case command == "env":
		if err := config.WriteTable(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return job.ExitFailure
		}
	case command == "version":
		fmt.Printf("gnn-trainer %s, commit %s of %s, libtorch %s, %s %s/%s\n",
			version, commit, date, libtorch.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	case command == "help" || command == "-h" || command == "--help":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "%q is no command\n\n%s", command, usage)
		return job.ExitInput
	}
	return job.ExitDone
}

func diagnose(args []string) int {
	asJSON := len(args) == 1 && args[0] == "--json"
	if len(args) > 0 && !asJSON {
		fmt.Fprintf(os.Stderr, "gnn-trainer doctor takes nothing but --json; settings are environment variables\n\n%s", usage)
		return job.ExitInput
	}
	ctx, stop := stopOnSignal()
	defer stop()
	return doctor.Doctor(ctx, os.Environ(), version, asJSON, os.Stdout, os.Stderr)
}

// stopOnSignal gives a context that the first SIGTERM or SIGINT ends; a second
// one ends the process at once.
func stopOnSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			signal.Stop(signals)
			cancel(job.Stopped{Signal: s})
		}
	}()
	return ctx, func() { cancel(nil) }
}
