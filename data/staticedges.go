package data

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// StaticEdge is an edge that stays, as EDGES_FILE lists it.
type StaticEdge struct {
	Source string  `json:"source"`
	Target string  `json:"target"` // receives messages from Source
	Weight float32 `json:"weight"`

	place string // in the file; empty: of metadata.json
}

// maxStaticEdges bounds what is read of EDGES_FILE.
const maxStaticEdges = 10_000_000

// ReadStaticEdges reads a CSV file of edges: a header that names the columns
// source, target and, where weights are not all 1, weight; then an edge a line. It
// gives the SHA-256 of the file, too. An error wraps ErrInput, and names file, line
// and remedy.
func ReadStaticEdges(path string) (edges []StaticEdge, digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fault.Input("EDGES_FILE cannot be read: %w", err).At("EDGES_FILE").Fix("set EDGES_FILE to a CSV file with the columns source, target and weight")
	}
	defer f.Close()
	hash := sha256.New()
	edges, err = readStaticEdges(io.TeeReader(f, hash), path)
	if err != nil {
		return nil, "", err
	}
	return edges, hex.EncodeToString(hash.Sum(nil)), nil
}

func readStaticEdges(r io.Reader, name string) ([]StaticEdge, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord, lines.TrimLeadingSpace, lines.ReuseRecord = -1, true, true
	wrong := func(what string, a ...any) *fault.Error {
		line, _ := lines.FieldPos(0)
		return fault.Input(what, a...).At("line %d of %s", line, name)
	}
	header, err := lines.Read()
	switch {
	case err == io.EOF:
		return nil, fault.Input("EDGES_FILE is empty").At("%s", name).Fix("give it the header source,target,weight and an edge a line")
	case err != nil:
		return nil, unreadable(err, name)
	}
	columns := map[string]int{}
	for k, title := range header {
		title = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff")))
		if _, twice := columns[title]; twice {
			return nil, wrong("the column %q occurs twice", title).Fix("name each of source, target and weight once")
		}
		columns[title] = k
	}
	source, hasSource := columns["source"]
	target, hasTarget := columns["target"]
	weight, hasWeight := columns["weight"]
	if !hasSource || !hasTarget {
		return nil, wrong("the header %q lacks source or target", strings.Join(header, ",")).Fix("begin the file with source,target,weight")
	}
	width := len(header)
	edges, seen := []StaticEdge{}, map[[2]string]int{}
	for {
		fields, err := lines.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, unreadable(err, name)
		}
		line, _ := lines.FieldPos(0)
		if len(fields) != width {
			return nil, wrong("an edge has %d fields where the header has %d", len(fields), width).Fix("give it as many")
		}
		e := StaticEdge{Source: strings.TrimSpace(fields[source]), Target: strings.TrimSpace(fields[target]), Weight: 1, place: "line " + strconv.Itoa(line) + " of " + name}
		if hasWeight {
			v, err := strconv.ParseFloat(strings.TrimSpace(fields[weight]), 32)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, wrong("the weight %.40q is no finite number", fields[weight]).Fix("write a number such as 0.5, or leave the edge out")
			}
			e.Weight = float32(v)
		}
		switch before, twice := seen[[2]string{e.Source, e.Target}]; {
		case e.Source == "" || e.Target == "":
			return nil, wrong("an edge lacks its source or its target").Fix("name both symbols")
		case e.Source == e.Target:
			return nil, wrong("%s is joined with itself", e.Source).Fix("take the line out: a node's own part is in each layer")
		case twice:
			return nil, wrong("the edge from %s to %s is in line %d already", e.Source, e.Target, before).Fix("take one of both out")
		case len(edges) == maxStaticEdges:
			return nil, wrong("there are more than %d edges", maxStaticEdges).Fix("list fewer")
		}
		seen[[2]string{e.Source, e.Target}] = line
		edges = append(edges, e)
	}
	if len(edges) == 0 {
		return nil, fault.Input("EDGES_FILE has a header and no edge").At("%s", name).Fix("list an edge a line, or set EDGES=none")
	}
	return edges, nil
}

func unreadable(err error, name string) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fault.Input("it is no CSV: %v", parse.Err).At("line %d of %s", parse.Line, name).Fix("correct the line: source,target,weight")
	}
	return fault.Input("EDGES_FILE cannot be read: %w", err).At("%s", name).Fix("set EDGES_FILE to a CSV file with the columns source, target and weight")
}

// readStatic reads EDGES_FILE where EDGES names it and nobody has read it.
func (r *Recipe) readStatic() error {
	if !r.HasEdges(EdgesStatic) || r.Static != nil {
		return nil
	}
	edges, _, err := ReadStaticEdges(r.EdgesFile)
	r.Static = edges
	return err
}

// staticEdges are those of EDGES_FILE between these symbols, within a target in
// the file's order; none where EDGES does not name them.
func (r Recipe) staticEdges(symbols []string) (Edges, error) {
	if !r.HasEdges(EdgesStatic) {
		return Edges{}, nil
	}
	n := len(symbols)
	place := make(map[string]int, n)
	for i, symbol := range symbols {
		place[symbol] = i
	}
	by := make([][]neighbour, n) // of each target
	for _, e := range r.Static {
		for _, symbol := range []string{e.Source, e.Target} {
			if _, known := place[symbol]; known {
				continue
			}
			f := fault.Input("the edge from %s to %s names %s, which is no symbol of the market", e.Source, e.Target, symbol)
			if e.place != "" {
				f = f.At("%s", e.place)
			}
			if meant := spelling.Closest(symbol, symbols); meant != "" {
				return Edges{}, f.Fix("write %s, or take the line out", meant)
			}
			return Edges{}, f.Fix("take the line out, or add the symbol to SYMBOLS")
		}
		target := place[e.Target]
		by[target] = append(by[target], neighbour{e.Weight, int32(place[e.Source])})
	}
	e := Edges{RowPtr: make([]int32, n+1), Sources: []int32{}, Attr: []float32{}}
	for i, sources := range by {
		for _, s := range sources {
			e.Sources, e.Attr = append(e.Sources, s.node), append(e.Attr, s.correlation)
		}
		e.RowPtr[i+1] = int32(len(e.Sources))
	}
	e.Weight = e.Attr
	return e, nil
}
