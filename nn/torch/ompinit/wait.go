package ompinit

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// waitVariables say how OpenMP's threads wait for each other.
var waitVariables = []string{"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}

// WaitBriefly starts the program anew, in this same process, with OpenMP's
// threads told to spin for some microseconds only before they sleep, unless the
// user has said how they wait. It is the first thing that main does; where it cannot start
// anew it returns the reason, and all goes on as it would have.
//
// By default they spin for milliseconds. Where something else wants the CPU
// that a thread waits for (a neighbour's pod, a CPU limit), a training step
// then takes many times as long: docs/development.md has the figures. libgomp
// reads the variable when it is loaded, before any Go code runs, so to set it
// in place comes too late.
func WaitBriefly() error {
	for _, name := range waitVariables {
		if _, set := os.LookupEnv(name); set {
			return nil
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	environ := append(os.Environ(), "GOMP_SPINCOUNT=1000")
	if UserThreads == "" { // what init has set is not the user's
		environ = slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, "OMP_NUM_THREADS=") })
	}
	return syscall.Exec(self, os.Args, environ)
}
