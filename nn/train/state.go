package train

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// loadState gives a model the parameters of a file that torch.save wrote of a state
// dict, on the libtorch thread. Both have the same names and shapes.
func loadState(m nn.Model, file []byte) error {
	state, err := pyg.Load(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	s := torch.NewScope()
	defer s.Close()
	var known []string
	for _, p := range m.Parameters() {
		known = append(known, p.Name)
		values, shape, err := pyg.ReadTensor[float32](state, p.Name)
		if err != nil {
			return err
		}
		if !slices.Equal(shape, p.Shape) {
			return fmt.Errorf("%s has shape %v where the model has %v", p.Name, shape, p.Shape)
		}
		torch.Copy(p.Tensor, s.Float32s(values, dims(shape)...))
	}
	for _, name := range state.Keys() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("it has %s, which the model lacks", name)
		}
	}
	return nil
}

// beginWith gives a model the weights that its training begins with, where some are
// given.
func (n *Network) beginWith(m nn.Model) error {
	switch {
	case n.Initial != nil:
		return setBest(m, n.Initial)
	case n.State == nil:
		return nil
	}
	if err := loadState(m, n.State); err != nil {
		return fault.Input("the weights of INIT_FROM do not fit: %w", err).At("INIT_FROM").
			Fix("set MODEL_TYPE, HIDDEN, LAYERS and the other settings of the model as in the run that they are of, or unset INIT_FROM")
	}
	return nil
}
