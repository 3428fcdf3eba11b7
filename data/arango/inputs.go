package arango

import (
	"context"
	"fmt"
	"slices"
	"strings"

	driver "github.com/arangodb/go-driver"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Inputs is what a run reads: candles with what goes along with them, or a
// prepared graph.
type Inputs struct {
	Graph                       *Layout // nil: none
	Candles, OrderBook, Funding []string
}

// Layout is where a prepared graph lies.
type Layout struct {
	Name            string
	Vertices, Edges []string // collections
	Mixed           bool     // one collection holds both, told apart by type
}

// found is what a look at the database found.
type found struct {
	inputs Inputs
	counts []int64 // of what does not grow as the market goes on
	sizes  map[string]int64
	lacks  string // what is not there yet, as a sentence's subject and verb; empty: nothing
}

// Found is what the database holds now of what the configuration names.
type Found struct {
	Inputs    Inputs
	Documents map[string]int64 // of each collection that was found
	Lacks     string           // what is not there yet, as a sentence's subject and verb; empty: nothing
}

// Look is Inputs without its waiting: it returns what is there now.
func (d *DB) Look(ctx context.Context) (Found, error) {
	defer func() { d.report = Report{} }() // a look is no reading
	f, err := d.look(ctx)
	return Found{Inputs: f.inputs, Documents: f.sizes, Lacks: f.lacks}, err
}

// look finds the collections that the configuration names.
func (d *DB) look(ctx context.Context) (found, error) {
	c := d.cfg
	var f found
	// Validate has read these before.
	f.inputs.Candles, _ = names("CANDLES_COLLECTION", c.Candles)
	f.inputs.OrderBook, _ = names("ORDERBOOK_COLLECTION", c.OrderBook)
	f.inputs.Funding, _ = names("FUNDING_COLLECTION", c.Funding)
	for _, list := range []struct {
		names   []string
		settles bool
	}{{f.inputs.Candles, true}, {f.inputs.OrderBook, false}, {f.inputs.Funding, false}} {
		for _, name := range list.names {
			if _, err := d.seek(ctx, &f, name, list.settles); err != nil || f.lacks != "" {
				return f, err
			}
		}
	}
	if c.Graph != "" && c.Candles == "" {
		layout, err := d.layout(ctx, &f, c.Graph)
		f.inputs = Inputs{Graph: layout} // whatever COLLECTION_INPUTS names for other services
		return f, err
	}
	inputs, _ := names("COLLECTION_INPUTS", c.Inputs)
	for _, name := range inputs {
		if err := d.sort(ctx, &f, name); err != nil || f.lacks != "" {
			return f, err
		}
	}
	switch in := f.inputs; {
	case in.Graph != nil && in.Candles != nil:
		return f, fault.Input("COLLECTION_INPUTS holds candles (%s) and a prepared graph (%s)", listed(in.Candles), in.Graph.Name).At("COLLECTION_INPUTS").Fix("name the one to train on by CANDLES_COLLECTION or GRAPH_COLLECTION_NAME")
	case in.Graph == nil && in.Candles == nil:
		return f, fault.Input("there is nothing to build a graph from").Fix("set CANDLES_COLLECTION to collections of candles, or GRAPH_COLLECTION_NAME to a prepared graph")
	}
	return f, nil
}

// seek finds one collection and how many documents it has. One that is not
// there or is empty is lacking.
func (d *DB) seek(ctx context.Context, f *found, name string, settles bool) (edges bool, err error) {
	err = d.do(ctx, "looking for collection "+name, func(ctx context.Context) error {
		collection, err := d.db.Collection(ctx, name)
		if driver.IsNotFoundGeneral(err) {
			f.lacks = fmt.Sprintf("collection %s is not in ARANGO_DB=%s", name, d.cfg.Database)
			return nil
		}
		if err != nil {
			return err
		}
		properties, err := collection.Properties(ctx)
		if err != nil {
			return err
		}
		edges = properties.Type == driver.CollectionTypeEdge
		n, err := collection.Count(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			f.lacks = fmt.Sprintf("collection %s is empty", name)
		}
		if f.sizes == nil {
			f.sizes = map[string]int64{}
		}
		f.sizes[name] = n
		if settles {
			f.counts = append(f.counts, n)
		}
		return nil
	})
	return edges, err
}

// layout finds a prepared graph: a named graph, or else a collection.
func (d *DB) layout(ctx context.Context, f *found, name string) (*Layout, error) {
	l, err := d.named(ctx, name)
	if err != nil {
		return nil, err
	}
	if l == nil {
		edges, err := d.seek(ctx, f, name, true)
		if strings.HasPrefix(f.lacks, "collection "+name+" is not") {
			f.lacks = fmt.Sprintf("%s is neither a named graph nor a collection in ARANGO_DB=%s", name, d.cfg.Database)
		}
		switch {
		case err != nil || f.lacks != "":
			return nil, err
		case edges:
			return d.joining(ctx, f, name)
		}
		return &Layout{Name: name, Vertices: []string{name}, Edges: []string{name}, Mixed: true}, nil
	}
	for _, c := range append(slices.Clone(l.Vertices), l.Edges...) {
		if _, err := d.seek(ctx, f, c, true); err != nil {
			return nil, err
		}
		if f.lacks != "" {
			f.lacks = fmt.Sprintf("graph %s is not whole: %s", name, f.lacks)
			return nil, nil
		}
	}
	return l, nil
}

// named is the layout of a named graph; nil: there is none.
func (d *DB) named(ctx context.Context, name string) (l *Layout, err error) {
	err = d.do(ctx, "looking for graph "+name, func(ctx context.Context) error {
		l = nil
		g, err := d.db.Graph(ctx, name)
		if driver.IsNotFoundGeneral(err) {
			return nil
		}
		if err != nil {
			return err
		}
		l = &Layout{Name: name}
		for _, e := range g.EdgeDefinitions() {
			l.Edges = append(l.Edges, e.Collection)
			l.Vertices = append(append(l.Vertices, e.From...), e.To...)
		}
		l.Vertices = append(l.Vertices, g.OrphanCollections()...)
		slices.Sort(l.Vertices)
		slices.Sort(l.Edges)
		l.Vertices, l.Edges = slices.Compact(l.Vertices), slices.Compact(l.Edges)
		return nil
	})
	return l, err
}

// fewEdges are looked at to see which collections an edge collection joins.
const fewEdges = 1000

// joining is the layout of an edge collection that belongs to no named graph.
func (d *DB) joining(ctx context.Context, f *found, name string) (*Layout, error) {
	l := &Layout{Name: name, Edges: []string{name}}
	err := d.stream(ctx, firstOf(name, fewEdges, []string{"_key", "_from", "_to"}), nil, func(doc []byte) error {
		for _, end := range []string{"_from", "_to"} {
			if collection, _, ok := strings.Cut(attribute(doc, end).text(), "/"); ok && !slices.Contains(l.Vertices, collection) {
				l.Vertices = append(l.Vertices, collection)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(l.Vertices)
	for _, c := range l.Vertices {
		if _, err := d.seek(ctx, f, c, true); err != nil || f.lacks != "" {
			return nil, err
		}
	}
	return l, nil
}
