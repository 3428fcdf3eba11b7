package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
)

// files looks at the files that the run reads.
func (x *examination) files() check {
	skip := x.otherSource(source.Files)
	if x.Source.Source == config.PyG {
		if skip = ""; x.Source.Dir == "" {
			skip = "its configuration is wrong"
		}
	}
	return check{name: filesName, skip: skip, run: func(ctx context.Context) finding {
		if x.Source.Source == config.PyG {
			return x.graphFile()
		}
		f, err := source.LookAtFiles(ctx, x.Source)
		if err != nil {
			return failure(err, "look at DATA_DIR and the disk it is on")
		}
		nodes := int64(len(f.Symbols))
		if top := x.Source.Extent(time.Now()).Symbols; top > 0 {
			nodes = min(nodes, top)
		}
		x.plan.learn(func(p *plan) {
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
		if len(f.Unread) > 0 {
			return warn(message+"; "+few(f.Unread, "; "), "rename these columns, or leave them: the run does without")
		}
		return finding{status: OK, message: message}
	}}
}

// told is how many of many things are told in words.
const told = 3

// few tells the first of many sentences, and how many there are beside them.
func few(sentences []string, between string) string {
	if more := len(sentences) - told; more > 0 {
		return strings.Join(sentences[:told], between) + between + fmt.Sprintf("%d more", more)
	}
	return strings.Join(sentences, between)
}

// wrongFiles tells of the first few wrong files as a run would, and names more.
func wrongFiles(wrong []error, names []string) finding {
	const mend = "look at DATA_DIR and the disk it is on"
	if len(wrong) == 1 {
		return failure(wrong[0], mend)
	}
	lines := []string{fmt.Sprintf("%d files cannot be read:", len(wrong))}
	for _, err := range wrong[:min(len(wrong), told)] {
		lines = append(lines, kinds.Replace(err.Error()))
	}
	if len(names) > told {
		lines = append(lines, "and so "+source.FirstOf(names[told:]))
	}
	f := fail(strings.Join(lines, "\n"), "mend each of them, or leave its symbol out of SYMBOLS")
	f.retry = job.ExitCode(errors.Join(wrong...)) == job.ExitFailure
	return f
}

// graphFile looks at the one file of a graph.
func (x *examination) graphFile() finding {
	file, err := os.Open(x.Source.Dir)
	if err != nil {
		return fail("reading DATA_DIR: "+err.Error(), "set it to the file that torch.save(data) wrote")
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(x.Source.Dir + " is no file")
	}
	if err != nil {
		return fail("reading DATA_DIR: "+err.Error(), "set it to the file that torch.save(data) wrote")
	}
	return fine("DATA_DIR=%s is a file of %s", x.Source.Dir, bytesText(info.Size()))
}

// bars holds the length of the market against what windows, horizon and parts
// need.
func (x *examination) bars() check {
	skip := ""
	switch {
	case x.Source.Source == config.PyG:
		skip = "a graph of a file has no bars"
	case x.otherSource(x.Source.Source) != "" || x.Data.Validate() != nil:
		skip = "its configuration is wrong"
	}
	return check{name: "bars", skip: skip, after: sources, run: func(context.Context) finding {
		p := x.plan
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.prepared:
			return skipped("a prepared graph has the snapshots that it has")
		case x.Source.Source == source.Arango && p.cells == 0:
			return skipped("the collections of candles have not been looked at")
		}
		return judgeBars(x.Data, p.length)
	}}
}

// judgeBars fails where there are surely too few, and warns where there seem to
// be.
func judgeBars(c data.Config, l length) finding {
	const mend = "load more (START, LOOKBACK), or lower GRAPH_WINDOW or HORIZON"
	bars, of := l.about, "about "
	if l.bounded && (bars == 0 || l.most <= bars) {
		bars, of = l.most, ""
	}
	if l.bounded && c.CheckBars(int(l.most+l.more)) != nil {
		return failure(c.CheckBars(int(bars)), mend)
	}
	if bars == 0 {
		return skipped("how many bars there are is known only once the data are read")
	}
	message := fmt.Sprintf("%s%d bars, and GRAPH_WINDOW=%d and HORIZON=%s need at least %d", of, bars, c.GraphWindow, c.Horizons, c.LeastBars())
	if c.CheckBars(int(bars)) != nil {
		return warn(message, mend)
	}
	if split := c.EmptySplit(int(bars)); split != "" {
		return warn(fmt.Sprintf("%s; the %s split will be empty, by gaps of HORIZON between the splits", message, split), mend+", or move TRAIN_FRACTION and VALID_FRACTION")
	}
	return finding{status: OK, message: message}
}
