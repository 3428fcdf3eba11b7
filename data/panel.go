package data

// DroppedFeature is a feature that the data cannot support, and why.
type DroppedFeature struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`

	// Lacking are the symbols that lack what most of the others have.
	Lacking []string `json:"-"`
}

// Panel is what is known of a market at each snapshot: features, which nodes
// are present, and edges. It holds neither labels nor splits. A Panel is read
// only and safe for concurrent use.
type Panel struct {
	Symbols   []string         // [N] node order
	Features  []string         // [F] names, the columns of x
	Given     []string         // of Features, the columns of the market that enter as they are
	Dropped   []DroppedFeature // features that the data cannot support
	Axis      Axis             // of which the snapshots are some bars; zero for a graph without time
	Jumps     []Jump           // of prices, by symbol
	Reference string           // the symbol whose return is reference_return; empty: no feature is it
	Coverage  []Coverage       // [N] what there is of each symbol; nil for a prepared graph

	// Density is the mean over snapshots of E / (P (P-1)), P the nodes present, and
	// over the edge types where there are several.
	Density float64

	// EdgeTypes are those of a market's graph, in the order of Edges.Type; nil: it
	// has no edges, or they were given.
	EdgeTypes []string

	// EdgesGiven marks a graph that came with its edges.
	EdgesGiven bool

	// A graph without time has one x, one mask and one list of edges for all
	// its snapshots, one a split: their T is 1.
	static bool

	bars     []int     // [T] bar of each snapshot on the axis, rising; nil for a graph without time
	openTime []int64   // [T] Unix ms; nil for a graph without time
	x        []float32 // [T, N, F] raw, 0 at masked nodes
	mask     []bool    // [T, N]

	signalNames []string
	signals     []float32 // [T, N, number of names]
	edges       []Edges   // [T] of the first edge type
	more        [][]Edges // [edge types - 1][T]
}

// Len is the number of snapshots T: 1 for a graph without time.
func (p *Panel) Len() int { return len(p.edges) }

// NumNodes is N, the same in every snapshot.
func (p *Panel) NumNodes() int { return len(p.Symbols) }

// NumFeatures is F.
func (p *Panel) NumFeatures() int { return len(p.Features) }

// Timeless reports whether the panel is one graph without time, whose snapshots
// share x, mask and edges.
func (p *Panel) Timeless() bool { return p.static }

// OpenTimes are the open times of the snapshots [T], Unix ms, rising; nil for
// a graph without time. They alias the panel: read them only.
func (p *Panel) OpenTimes() []int64 { return p.openTime }

// at is where snapshot t lies in x, mask and edges.
func (p *Panel) at(t int) int {
	if p.static {
		return 0
	}
	return t
}

// X is snapshot t's raw features [N, F], 0 at masked nodes. It aliases the
// panel: read it only.
func (p *Panel) X(t int) []float32 { return row(p.x, p.at(t), p.NumNodes()*p.NumFeatures()) }

// Mask reports which nodes take part in snapshot t [N]. It aliases the panel:
// read it only.
func (p *Panel) Mask(t int) []bool { return row(p.mask, p.at(t), p.NumNodes()) }

// row is row t of a panel [T, width], with no room to append into the next.
func row[E any](panel []E, t, width int) []E {
	return panel[t*width : (t+1)*width : (t+1)*width]
}
