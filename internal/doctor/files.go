package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/memory"
)

// files looks at the files that the run reads.
func (x *checker) files() check {
	skip := x.otherSource(source.Files)
	if x.Source.Source == config.PyG {
		if skip = ""; x.Source.Dir == "" {
			skip = badConfiguration
		}
	}
	return check{name: filesName, skip: skip, run: func(ctx context.Context) finding {
		if x.Source.Source == config.PyG {
			return x.graphFile()
		}
		cfg := x.Source
		cfg.LeastBars = x.Data.LeastBars()
		f, err := source.LookAtFiles(ctx, cfg)
		if err != nil {
			return failure(err, "check DATA_DIR and the disk it is on")
		}
		nodes := int64(len(f.Symbols))
		if top := x.Source.Extent(time.Now()).Symbols; top > 0 {
			nodes = min(nodes, top)
		}
		x.plan.update(func(p *plan) {
			p.nodes, p.length.about = nodes, f.Bars
			if p.bars == 0 || p.bars > f.Rows {
				p.bars = f.Rows
			}
			if f.Whole {
				p.length = exactly(f.Bars)
			}
		})
		if len(f.Wrong) > 0 {
			return wrongFiles(f.Wrong, f.Files)
		}
		message := fmt.Sprintf("DATA_DIR=%s has the files of the run's %d symbols, of about %d candles at most", x.Source.Dir, nodes, f.Rows)
		if len(f.Warnings) > 0 {
			return warn(message+"; "+few(slices.Concat(f.Warnings, f.Unread), "; "), "correct what is wrong of it, or ignore this: the run works without them")
		}
		if len(f.Unread) > 0 {
			return warn(message+"; "+few(f.Unread, "; "), "rename these columns, or ignore this: the run works without them")
		}
		return finding{status: OK, message: message}
	}}
}

// shown is how many of many things are shown in full.
const shown = 3

// few shows the first of many sentences, and how many there are beside them.
func few(sentences []string, between string) string {
	if more := len(sentences) - shown; more > 0 {
		return strings.Join(sentences[:shown], between) + between + fmt.Sprintf("%d more", more)
	}
	return strings.Join(sentences, between)
}

// wrongFiles shows the first few wrong files as a run would, and names more.
func wrongFiles(wrong []error, names []string) finding {
	const remedy = "check DATA_DIR and the disk it is on"
	if len(wrong) == 1 {
		return failure(wrong[0], remedy)
	}
	lines := []string{fmt.Sprintf("%d files cannot be read:", len(wrong))}
	for _, err := range wrong[:min(len(wrong), shown)] {
		lines = append(lines, err.Error())
	}
	if len(names) > shown {
		lines = append(lines, "and so are "+source.FirstOf(names[shown:]))
	}
	f := fail(strings.Join(lines, "\n"), "fix each of them, or leave its symbol out by EXCLUDE")
	f.transient = !fault.Permanent(errors.Join(wrong...))
	return f
}

// graphFile looks at the one file of a graph.
func (x *checker) graphFile() finding {
	file, err := os.Open(x.Source.Dir)
	if err != nil {
		return fail("reading DATA_DIR: "+err.Error(), "set it to the file that torch.save(data) wrote")
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(x.Source.Dir + " is not a file")
	}
	if err != nil {
		return fail("reading DATA_DIR: "+err.Error(), "set it to the file that torch.save(data) wrote")
	}
	return fine("DATA_DIR=%s is a file of %s", x.Source.Dir, memory.Text(info.Size()))
}

// bars compares the length of the market with what windows, horizon and splits
// need.
func (x *checker) bars() check {
	skip := ""
	switch {
	case x.Source.Source == config.PyG:
		skip = "the graph of a file has no bars"
	case x.otherSource(x.Source.Source) != "" || x.Data.Validate() != nil:
		skip = badConfiguration
	}
	return check{name: "bars", skip: skip, after: sources, run: func(context.Context) finding {
		p := x.plan
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.prepared:
			return skipped("a prepared graph has its own snapshots")
		case x.Source.Source == source.Arango && p.cells == 0:
			return skipped("the collections of candles could not be read")
		}
		return judgeBars(x.Data, p.length)
	}}
}

// orFolds is what else helps where a split is empty.
func orFolds(c data.Config) string {
	if c.Count > 1 {
		return ", or lower FOLDS"
	}
	return ""
}

// judgeBars fails where there are surely too few, and warns where there seem to
// be.
func judgeBars(c data.Config, l length) finding {
	const remedy = "load more (START, LOOKBACK), or lower GRAPH_WINDOW or HORIZON"
	bars, of := l.about, "about "
	if l.bounded && (bars == 0 || l.most <= bars) {
		bars, of = l.most, ""
	}
	if l.bounded && c.CheckBars(int(l.most+l.more)) != nil {
		return failure(c.CheckBars(int(bars)), remedy)
	}
	if bars == 0 {
		return skipped("the number of bars is known only once the data are read")
	}
	folds := ""
	if c.Count > 1 {
		folds = fmt.Sprintf(", FOLDS=%d", c.Count)
	}
	variable, value := c.LongestWindow()
	message := fmt.Sprintf("%s%d bars, and %s=%s%s and HORIZON=%s need at least %d", of, bars, variable, value, folds, c.Horizons, c.LeastBars())
	if c.CheckBars(int(bars)) != nil {
		return warn(message, remedy)
	}
	if split := c.EmptySplit(int(bars)); split != "" {
		return warn(fmt.Sprintf("%s; the %s split will be empty, because of the gaps of HORIZON between splits", message, split), remedy+orFolds(c)+", or move TRAIN_FRACTION and VALID_FRACTION")
	}
	return finding{status: OK, message: message}
}
