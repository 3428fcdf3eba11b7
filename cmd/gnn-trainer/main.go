// Command gnn-trainer trains a graph neural network on market data, and predicts
// with it, set by environment variables alone: `gnn-trainer env` prints them.
package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/doctor"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/spelling"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/ompinit"
)

// Set at link time: what `git describe` says, the commit, and its time, which
// stands for the time of the build so that a build can be repeated to the bit.
var version, commit, date = "unknown", "unknown", "unknown"

// help is the pages of help, as a man page is written; train.txt is the first.
//
//go:embed help
var help embed.FS

func main() {
	// A crash of the Go runtime would otherwise end with exit code 2, which
	// says "wrong input, do not retry": this makes it SIGABRT.
	debug.SetTraceback("crash")
	// Most of the heap is tables of numbers, which cost a collection nothing, and
	// libtorch's memory is beside it: it may grow by half before the next one, not
	// to twice what is alive.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if err := ompinit.WaitBriefly(); err != nil {
		fmt.Fprintln(os.Stderr, "setting the wait policy of OpenMP failed:", err)
	}
	// A reader of stdout or stderr that closes its end must not stop the training:
	// the write fails, which is logged where it can be.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	command := "train"
	if strings.HasPrefix(os.Getenv("TYPE"), predictorType) {
		command = "predict"
	}
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	if slices.ContainsFunc(args, isHelp) {
		command, args = "help", []string{command}
	}
	switch {
	case command == "help" || isHelp(command):
		return printHelp(args)
	case command == "doctor" && slices.Equal(args, []string{"--json"}):
		return diagnose(true)
	case command == "audit" && slices.Equal(args, []string{"--json"}):
		return inspect(true)
	case command == "tune" && slices.Equal(args, []string{"--json"}):
		return search(true)
	case command == "env" && slices.Equal(args, []string{"--json"}):
		return written(config.WriteJSON(os.Stdout))
	case len(args) > 0 && slices.Contains(commands, command):
		return misused("unexpected argument %q of gnn-trainer %s: settings are environment variables", args[0], command)
	case command == "train":
		ctx, stop := stopOnSignal()
		defer stop()
		return job.Train(ctx, os.Environ(), version, os.Stdout, os.Stderr)
	case command == "tune":
		return search(false)
	case command == "predict":
		ctx, stop := stopOnSignal()
		defer stop()
		return job.Predict(ctx, os.Environ(), version, os.Stdout, os.Stderr)
	case command == "record":
		ctx, stop := stopOnSignal()
		defer stop()
		return job.Record(ctx, os.Environ(), os.Stderr)
	case command == "doctor":
		return diagnose(false)
	case command == "audit":
		return inspect(false)
	case command == "env":
		return written(config.WriteTable(os.Stdout))
	case command == "version" || command == "--version":
		fmt.Printf("gnn-trainer %s, commit %s of %s, libtorch %s, %s %s/%s\n",
			version, commit, date, torch.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	default:
		if meant := spelling.Closest(command, commands); meant != "" {
			return misused("unknown command %q; did you mean %s?", command, meant)
		}
		return misused("unknown command %q", command)
	}
	return job.ExitDone
}

// predictorType begins the TYPE of StreamForge's services that predict: without a
// word the program is one of them.
const predictorType = "realtime_gnn_infer"

var commands = []string{"train", "tune", "predict", "record", "doctor", "audit", "env", "version", "help"}

// written is the exit code of a command that only writes to stdout.
func written(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return job.ExitFailure
	}
	return job.ExitDone
}

func isHelp(arg string) bool { return arg == "-h" || arg == "--help" }

// printHelp prints the page that args name, or the first one.
func printHelp(args []string) int {
	topic := "train"
	if len(args) > 0 {
		topic = args[0]
	}
	page, err := help.ReadFile("help/" + topic + ".txt")
	switch {
	case len(args) > 1 || err != nil && topic != "env" && topic != "version" && topic != "help":
		return misused("unknown help topic %q", strings.Join(args, " "))
	case err != nil: // what there is to say is on the first page
		page, _ = help.ReadFile("help/train.txt")
	}
	_, _ = os.Stdout.Write(page) // a reader that has gone needs no help
	return job.ExitDone
}

// misused reports a wrong command line.
func misused(format string, a ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n\nusage: gnn-trainer [train | tune [--json] | predict | record | doctor [--json] | audit [--json] | env [--json] | version | help [tune | predict | record | doctor | audit]]\n", a...)
	return job.ExitInput
}

func diagnose(asJSON bool) int {
	ctx, stop := stopOnSignal()
	defer stop()
	return doctor.Doctor(ctx, os.Environ(), version, asJSON, os.Stdout, os.Stderr)
}

// search trains the best of several configurations.
func search(asJSON bool) int {
	ctx, stop := stopOnSignal()
	defer stop()
	return job.Tune(ctx, os.Environ(), version, asJSON, os.Stdout, os.Stderr)
}

// inspect audits the data.
func inspect(asJSON bool) int {
	ctx, stop := stopOnSignal()
	defer stop()
	return job.Audit(ctx, os.Environ(), version, asJSON, os.Stdout, os.Stderr)
}

// stopOnSignal gives a context that a signal ends. A second one, seconds later,
// ends the process at once.
func stopOnSignal() (context.Context, func()) {
	return job.StopOnSignal(job.ForceEnd(os.Environ(), os.Stderr))
}
