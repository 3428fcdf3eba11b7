//go:build !amd64

package data

// correlate moves the products on by the bar that enters and leaves, and sets
// the correlations and the hits from them.
func (p *pairRow) correlate() { p.correlateFrom(0) }
