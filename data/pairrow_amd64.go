package data

import "golang.org/x/sys/cpu"

// correlateAVX does the first m nodes, a multiple of 8 and at least 8.
//
//go:noescape
func correlateAVX(p *pairRow, m int)

// correlate moves the products on by the bar that enters and leaves, and sets
// the correlations and the hits from them.
func (p *pairRow) correlate() {
	m := 0
	if cpu.X86.HasAVX {
		if m = len(p.correlation) &^ 7; m > 0 {
			correlateAVX(p, m)
		}
	}
	p.correlateFrom(m)
}
