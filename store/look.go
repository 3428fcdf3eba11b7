package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ErrNoBucket is a bucket that is not there: Open would make it.
var ErrNoBucket = errors.New("there is no such bucket yet")

// Look does as Open does, and leaves no trace: it proves that objects can be
// written, read and removed under a name that nobody else uses, beside the
// run's artefacts, and makes no bucket (ErrNoBucket) and no staging folder. It
// asks until it succeeds, is rejected (fault.ErrRejected), or ctx ends.
func (m *MinIO) Look(ctx context.Context) error {
	var there bool
	err := m.again(ctx, startPatience, func() (err error) {
		there, err = m.bucketThere(ctx)
		return err
	})
	switch {
	case err != nil:
	case !there:
		err = ErrNoBucket
	default:
		err = m.tryObject(ctx, m.key(".probe-"+rand.Text()))
	}
	if err != nil {
		return fault.Wrap("probing the bucket %s of MinIO at %s: %w", m.config.Bucket, m.config.Endpoint, err).At("%s", m.config.Endpoint)
	}
	return nil
}

// Clock is the server's time, cut to the second: its answers carry it, refusals
// too.
func (m *MinIO) Clock(ctx context.Context) (time.Time, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, m.client.EndpointURL().String(), nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("preparing a request: %w", err)
	}
	answer, err := m.http.RoundTrip(r)
	if err != nil {
		return time.Time{}, fmt.Errorf("asking MinIO at %s for its time: %w", m.config.Endpoint, m.explain(err))
	}
	answer.Body.Close()
	at, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("MinIO at %s does not tell its time: %w", m.config.Endpoint, err)
	}
	return at, nil
}

// Writable proves that files can be written in dir, or, where it is not there,
// that it could be made, and leaves nothing behind. free is how many bytes this
// user may still write on its disk. variable is what sets dir, for messages.
func Writable(dir, variable string) (free int64, err error) {
	there := dir
	for {
		if _, err := os.Stat(there); !errors.Is(err, fs.ErrNotExist) || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there)
	}
	wrong := func(err error) error { return fmt.Errorf("writing to %s: %w", dir, explainFor(variable, err)) }
	var disk syscall.Statfs_t
	if err := syscall.Statfs(there, &disk); err != nil {
		return 0, wrong(&fs.PathError{Op: "statfs", Path: there, Err: err})
	}
	free = int64(disk.Bavail) * disk.Bsize
	name := "probe-" + rand.Text()
	if _, err := writeTemporary(there, name, func(w io.Writer) error { _, err := w.Write(make([]byte, 4096)); return err }); err != nil {
		return free, wrong(err)
	}
	if err := os.Remove(temporary(there, name)); err != nil {
		return free, wrong(err)
	}
	return free, nil
}
