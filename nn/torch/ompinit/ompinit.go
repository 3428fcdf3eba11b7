// Package ompinit keeps gotorch from aborting the process on one CPU.
//
// gotorch's init calls SetNumThreads(NumCPU/2) unless OMP_NUM_THREADS is set,
// which is SetNumThreads(0), an uncaught C++ exception, on one CPU. Go
// initialises packages in the order of their import paths once what they
// import is ready, and this path sorts before gotorch's, whose imports include
// all of this package's. So the variable is set in time; nn/torch
// then sets the true number of threads itself.
package ompinit

import "os"

// UserThreads is OMP_NUM_THREADS as the user set it, or "".
var UserThreads = os.Getenv("OMP_NUM_THREADS")

func init() {
	if UserThreads == "" {
		_ = os.Setenv("OMP_NUM_THREADS", "1")
	}
}
