package job

import (
	"fmt"
	"os"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// readPyG makes the dataset of one graph in a file of torch.save.
func (l *loader) readPyG() (*data.Dataset, error) {
	c := l.config
	f, size, err := openFile(c.Source.Dir)
	if err != nil {
		return nil, fmt.Errorf("reading DATA_DIR: %w", err)
	}
	defer f.Close()
	file, err := pyg.ReadData(f, size)
	if err != nil {
		f := fault.Wrap("reading %s: %w", c.Source.Dir, err)
		if f.Remedy == "" && f.Kind == fault.ErrInput {
			f = f.Fix("save the graph again: torch.save(data, path) of PyTorch 1.6 or newer")
		}
		return nil, f
	}
	names, err := source.ParseSymbols(c.Source.Symbols, "")
	if err != nil {
		return nil, err
	}
	if file.TrainMask == nil && file.ValidMask == nil && file.TestMask == nil {
		l.reporter.log.Info().Msg("the graph has no split: its nodes are divided at random by SEED, TRAIN_FRACTION and VALID_FRACTION")
	} else {
		l.reporter.log.Info().Strs("attributes", splitAttributes(file)).Msg("splits of the graph")
	}
	if len(file.Ignored) > 0 {
		l.reporter.log.Info().Strs("attributes", file.Ignored).Msg("attributes of the graph that are not used")
	}
	d, err := data.FromPyG(file, names.Names, c.Data, c.Train.Seed)
	if err != nil {
		return nil, fmt.Errorf("the graph of %s: %w", c.Source.Dir, err)
	}
	return d, nil
}

// openFile opens an input; the user fixes one that cannot be opened.
func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fault.Input("%w", err).Fix("set DATA_DIR to a file that torch.save(data) wrote")
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, fault.Input("%w", err).Fix("set DATA_DIR to a file that torch.save(data) wrote")
	}
	return f, info.Size(), nil
}

// splitAttributes are the attributes that the splits of a graph come from.
func splitAttributes(f *pyg.File) (names []string) {
	for _, name := range f.SplitNames {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
