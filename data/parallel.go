package data

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each does the pieces 0..n-1 on as many goroutines as there are processors.
// start is called once on each and returns what does a piece, so scratch memory
// belongs to one goroutine. A piece writes only its own part of the result,
// which is how results stay the same whatever the number of processors.
func each(n int, start func() func(piece int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			do := start()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
