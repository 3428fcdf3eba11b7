package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/store"
)

// storedModel is the model of an earlier run, from its artefacts.
type storedModel struct {
	queueID  string
	path     string // address of model.pt
	created  time.Time
	metadata *result.Metadata
	weights  []byte // weights.pt; nil once it is loaded
}

// readModel reads the model of MODEL_QUEUE_ID, or that which latest.json of
// MODEL_NAME names. It compares every file of the result with the manifest, and
// changes nothing: it takes no lock, and makes no folder.
func readModel(ctx context.Context, c config.Config, log zerolog.Logger) (*storedModel, error) {
	queueID := c.Predict.Model
	if queueID == "" {
		latest, err := readLatest(ctx, c)
		if err != nil {
			return nil, err
		}
		queueID = latest.QueueID
	}
	c.IDs.QueueID = queueID
	storage, err := newStorage(c, func(line string) { log.Warn().Msg(line) })
	if err != nil {
		return nil, fault.Input("%w", err)
	}
	defer storage.Access.Close()
	m := &storedModel{queueID: queueID, path: storage.Results.Location("model.pt")}
	manifest, err := storage.Results.Result(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Input("the run %s has no result in %s", queueID, storage.Results.Location("")).At("MODEL_QUEUE_ID").
			Fix("set the QUEUE_ID of a finished run of MODEL_NAME=%s, or wait for its end", c.Store.ModelName)
	case errors.Is(err, store.ErrInvalid):
		return nil, damaged(err, queueID)
	case err != nil:
		return nil, fmt.Errorf("reading the model of %s: %w", queueID, err)
	}
	m.created = manifest.Created
	if manifest.Status == store.Interrupted {
		log.Warn().Str("model_queue_id", queueID).Msg("the training of this model was interrupted: it is what was learned until then")
	}
	read := func(name string) ([]byte, error) {
		content, err := storage.Results.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrInvalid) || err == nil && !manifest.VouchesFor(name, content) {
			return nil, damaged(errors.Join(err, fmt.Errorf("%s is not what its manifest says", storage.Results.Location(name))), queueID)
		}
		return content, err
	}
	content, err := read("metadata.json")
	if err != nil {
		return nil, err
	}
	if m.metadata, err = result.ParseMetadata(content); err != nil {
		return nil, damaged(err, queueID)
	}
	if m.weights, err = read("weights.pt"); err != nil {
		return nil, err
	}
	return m, m.check(c)
}

// damaged is the fault of a result that cannot be used as it is.
func damaged(err error, queueID string) error {
	return fault.Input("the result of %s is damaged: %w", queueID, err).Fix("train it again, restore it from a copy, or set MODEL_QUEUE_ID to another run")
}

// readLatest reads latest.json of MODEL_NAME.
func readLatest(ctx context.Context, c config.Config) (store.Latest, error) {
	c.IDs.QueueID = "latest" // any: the file lies beside the runs
	storage, err := newStorage(c, func(string) {})
	if err != nil {
		return store.Latest{}, fault.Input("%w", err)
	}
	defer storage.Access.Close()
	latest, err := storage.Models.Latest(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return latest, fault.Input("MODEL_NAME=%s has no finished run in %s", c.Store.ModelName, whereStored(c)).At("MODEL_NAME").
			Fix("train one first, or set MODEL_NAME and STORE_DIR or MINIO_BUCKET_NAME to those of a training")
	case errors.Is(err, store.ErrInvalid):
		return latest, fault.Input("%w", err).At("MODEL_NAME").Fix("set MODEL_QUEUE_ID to a finished run, or finish another one")
	case err != nil:
		return latest, fmt.Errorf("looking for the model: %w", err)
	}
	return latest, nil
}

// whereStored is the folder or bucket of the models.
func whereStored(c config.Config) string {
	if c.Store.Endpoint != "" {
		return "the bucket " + c.Store.Bucket
	}
	return StoreDir(c)
}

// check tells why a model cannot predict the bars that the configuration asks for.
func (m *storedModel) check(c config.Config) error {
	other := fault.Input("the model of %s was trained on a graph that was prepared elsewhere, of which no newer bar can be built", m.queueID).At("MODEL_QUEUE_ID")
	switch md := m.metadata; {
	case md.Interval == "":
		return fault.Input("the model of %s was trained on one graph without time, which has no newest bar", m.queueID).At("MODEL_QUEUE_ID").
			Fix("set the QUEUE_ID of a run on candles")
	case md.Graph.Window == 0:
		return other.Fix("set the QUEUE_ID of a run on candles")
	case c.Source.Interval != "" && c.Source.Interval != md.Interval:
		return fault.Input("INTERVAL=%s, and the model of %s was trained on bars of %s", c.Source.Interval, m.queueID, md.Interval).At("INTERVAL").
			Fix("set INTERVAL=%s, or unset it", md.Interval)
	case c.IDs.Symbol != "" && !slices.Contains(md.Symbols, c.IDs.Symbol):
		return fault.Input("SYMBOL=%s is none of the %d nodes of the model of %s", c.IDs.Symbol, len(md.Symbols), m.queueID).At("SYMBOL").
			Fix("set one of them, unset it, or set MODEL_QUEUE_ID to a run of that symbol")
	}
	return nil
}

// servedModel is a stored model that predicts.
type servedModel struct {
	*storedModel
	predictor train.Predictor
	task      nn.Task
}

// serve loads the weights as a network of the task. The caller closes its predictor.
func (m *storedModel) serve(thread *torch.Thread, device torch.Device) (*servedModel, error) {
	task, err := nn.NewTask(m.metadata.Task)
	if err != nil {
		return nil, damaged(err, m.queueID)
	}
	c := m.metadata.Network()
	c.Outputs, c.Centred = len(m.metadata.Horizons)*task.Outputs(), nn.Centred(task)
	p, err := train.LoadNetwork(thread, device, c, task, m.metadata.Scaler(), m.weights)
	if err != nil {
		return nil, damaged(err, m.queueID)
	}
	m.weights = nil
	return &servedModel{m, p, task}, nil
}
