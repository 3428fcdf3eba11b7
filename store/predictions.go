package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
)

// PredictionsDir is the folder beside the runs of a model for what they predict.
const PredictionsDir = "predictions"

// maxPredictions bounds in bytes a file of predictions that is read.
const maxPredictions = 1 << 30

const (
	lockPause    = 20 * time.Millisecond // between two tries to get the lock
	overtakenMax = 100                   // times that others may be faster
)

// UpdatePredictions replaces a file in MODEL_NAME/predictions by what update makes of
// its content; nil: there is none yet. Where update gives nil, the file stays as it
// is. Updates by several processes follow each other, and none is lost; a process
// killed at any moment leaves the file as it was or as it was to be.
func (f *Folder) UpdatePredictions(ctx context.Context, name string, update func(old []byte) ([]byte, error)) error {
	if err := checkFileName(name); err != nil {
		return fmt.Errorf("storing %q: %w", name, err)
	}
	dir := filepath.Join(filepath.Dir(f.path), PredictionsDir)
	if err := f.updateIn(ctx, dir, name, update); err != nil {
		return fmt.Errorf("storing %s: %w", filepath.Join(dir, name), explain(err))
	}
	return nil
}

func (f *Folder) updateIn(ctx context.Context, dir, name string, update func(old []byte) ([]byte, error)) error {
	if _, absent := os.Stat(dir); absent != nil {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		for _, above := range []string{filepath.Dir(dir), f.root} { // it must itself survive a power cut
			if err := syncDir(above); err != nil {
				return err
			}
		}
	}
	lock, err := lockIn(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	old, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	content, err := update(old)
	if err != nil || content == nil {
		return err
	}
	if _, err = writeTemporary(dir, name, func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
		return err
	}
	return commit(ctx, dir, name)
}

// lockIn waits for the lock of a folder, which its Close and the end of the process
// give back.
func lockIn(ctx context.Context, dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil, errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOLCK):
			return lock, nil // a file system without locks: two writers are the user's to avoid
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			lock.Close()
			return nil, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			lock.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// UpdatePredictions is that of a Folder, in the bucket: an object is replaced only
// where it still is the one that was read.
func (m *MinIO) UpdatePredictions(ctx context.Context, name string, update func(old []byte) ([]byte, error)) error {
	if err := checkFileName(name); err != nil {
		return fmt.Errorf("storing %q: %w", name, err)
	}
	key := path.Join(m.config.ModelName, PredictionsDir, name)
	for range overtakenMax {
		done, err := m.tryUpdate(ctx, key, update)
		if err != nil {
			return fmt.Errorf("storing s3://%s: %w", path.Join(m.config.Bucket, key), err)
		}
		if done {
			return nil
		}
	}
	return fmt.Errorf("storing s3://%s: others changed it %d times meanwhile", path.Join(m.config.Bucket, key), overtakenMax)
}

// tryUpdate updates an object; false: another writer was faster.
func (m *MinIO) tryUpdate(ctx context.Context, key string, update func(old []byte) ([]byte, error)) (done bool, err error) {
	info, err := m.stat(ctx, key)
	var old []byte
	if err == nil {
		old, err = m.get(ctx, key, maxPredictions)
	}
	if errors.Is(err, ErrInvalid) { // unless it was replaced between two requests
		if now, again := m.stat(ctx, key); again == nil && now.ETag != info.ETag {
			return false, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	content, err := update(old)
	if err != nil || content == nil {
		return err == nil, err
	}
	sum := sha256.Sum256(content)
	options := minio.PutObjectOptions{DisableMultipart: true, ContentType: contentType(key), UserMetadata: map[string]string{hashKey: hex.EncodeToString(sum[:])}}
	if old == nil {
		options.SetMatchETagExcept("*")
	} else {
		options.SetMatchETag(info.ETag)
	}
	checksum, err := minio.ChecksumCRC64NVME.ChecksumReader(bytes.NewReader(content))
	if err != nil {
		return false, err
	}
	options.UserMetadata[checksumHeader] = checksum.Encoded()
	err = m.request(ctx, func() error {
		_, err := m.client.PutObject(ctx, m.config.Bucket, key, bytes.NewReader(content), int64(len(content)), options)
		if done = minio.ToErrorResponse(err).StatusCode != http.StatusPreconditionFailed; !done {
			return nil
		}
		return err
	})
	return done && err == nil, err
}
