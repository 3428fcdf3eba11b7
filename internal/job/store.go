package job

import (
	"context"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
)

// Storage is one store, a folder or a bucket, as each of its users sees it.
type Storage struct {
	Access      Access
	Artefacts   ArtefactStore
	Results     ResultStore
	Checkpoints CheckpointStore
	Trials      TrialStore
	Models      ModelStore
}

// Access opens and closes a store. Open proves that it can be written; Flush
// waits until everything is where it belongs.
type Access interface {
	// OnWait has report called while the store is waited for before the training:
	// why, and when it is given up.
	OnWait(report func(why string, until time.Time))
	Open(ctx context.Context) error
	Flush(ctx context.Context) error
	Close()
	// AppendEvent keeps an event that was not delivered.
	AppendEvent(event []byte) error
}

// ArtefactStore takes the files of a result. Begin withdraws the old result,
// PutManifest publishes the new one.
type ArtefactStore interface {
	Begin(ctx context.Context) error
	Put(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	PutManifest(ctx context.Context, m store.Manifest) error
	Location(name string) string
}

// ResultStore reads the result of an earlier start.
type ResultStore interface {
	Result(ctx context.Context) (store.Manifest, error)
	Read(ctx context.Context, name string) ([]byte, error)
	MoveLatest(ctx context.Context, m store.Manifest) error
	Location(name string) string
}

// ModelStore tells which of the models of a MODEL_NAME is the newest, and keeps what
// they predict.
type ModelStore interface {
	Latest(ctx context.Context) (store.Latest, error)
	UpdatePredictions(ctx context.Context, name string, update func(old []byte) ([]byte, error)) error
}

// CheckpointStore keeps what the next start of a run resumes from.
type CheckpointStore interface {
	PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	Checkpoints(ctx context.Context) ([]store.FileInfo, error)
	ReadCheckpoint(ctx context.Context, c store.FileInfo) ([]byte, error)
	RemoveCheckpoint(ctx context.Context, c store.FileInfo) error
}

// newStorage is MinIO where it is configured, else a folder.
func newStorage(c config.Config, log func(string)) (Storage, error) {
	if c.Store.Endpoint != "" {
		bucket, err := NewMinIO(c, log)
		return Storage{bucket, bucket, bucket, bucket, bucket, bucket}, err
	}
	c.Store.Dir = StoreDir(c)
	folder, err := store.NewFolder(c.Store, c.IDs.QueueID)
	return Storage{folder, folder, folder, folder, folder, folder}, err
}

// StoreDir is STORE_DIR, in WORK_DIR where it is relative.
func StoreDir(c config.Config) string { return inWorkDir(c, c.Store.Dir) }

func inWorkDir(c config.Config, dir string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(c.Paths.WorkDir, dir)
}

// NewMinIO is the run's place in MinIO, which must be configured. Nothing is
// touched yet; the error is one that the user fixes.
func NewMinIO(c config.Config, log func(string)) (*store.MinIO, error) {
	c.Store.Dir = StoreDir(c)
	var roots *x509.CertPool
	if c.Kafka.CAPath != "" && c.Store.Secure {
		pem, err := os.ReadFile(c.Kafka.CAPath)
		if err != nil {
			return nil, fault.Input("reading CA_PATH: %w", err).At("CA_PATH").Fix("set it to a PEM file of certificates")
		}
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fault.Input("CA_PATH=%s holds no certificate", c.Kafka.CAPath).At("CA_PATH").Fix("set it to the PEM file of the authority that signed MinIO's")
		}
	}
	return store.NewMinIO(c.Store, c.IDs.QueueID, roots, log)
}
