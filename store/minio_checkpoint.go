package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
)

// AppendEvent keeps an event that could not be delivered.
func (m *MinIO) AppendEvent(event []byte) error {
	if err := m.staging.AppendEvent(event); err != nil {
		return err
	}
	m.uploads.add(upload{key: m.key(EventsName), path: filepath.Join(m.staging.path, EventsName)})
	return nil
}

// PutCheckpoint stages a checkpoint and returns; it goes up in the background.
func (m *MinIO) PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (FileInfo, error) {
	info, err := m.staging.PutCheckpoint(ctx, name, write)
	if err == nil {
		file := checkpointFile(info)
		m.uploads.add(upload{key: m.key(path.Join(CheckpointDir, file)), path: filepath.Join(m.staging.checkpoints(), file), info: info})
	}
	return info, err
}

// Checkpoints are all in the staging folder and in the bucket, by name: a run
// that starts again on the same disk may find newer ones there.
func (m *MinIO) Checkpoints(ctx context.Context) ([]FileInfo, error) {
	list, err := m.staging.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	err = m.atStart(ctx, func(ctx context.Context) error {
		prefix := m.key(CheckpointDir) + "/"
		for object := range m.client.ListObjects(ctx, m.config.Bucket, minio.ListObjectsOptions{Prefix: prefix}) {
			if object.Err != nil {
				return object.Err
			}
			if c, ok := parseCheckpointFile(strings.TrimPrefix(object.Key, prefix), object.Size); ok {
				list = append(list, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", m.Location(CheckpointDir), err)
	}
	return sortCheckpoints(list), nil
}

// ReadCheckpoint gives a checkpoint's content, from the staging folder where
// it is whole there. One that is torn there and not in the bucket is ErrInvalid,
// as it is in a Folder.
func (m *MinIO) ReadCheckpoint(ctx context.Context, c FileInfo) ([]byte, error) {
	content, local := m.staging.ReadCheckpoint(ctx, c)
	if local == nil {
		return content, nil
	}
	key := m.key(path.Join(CheckpointDir, checkpointFile(c)))
	err := m.atStart(ctx, func(ctx context.Context) (err error) {
		if content, err = m.get(ctx, key, maxRead); err != nil {
			return err
		}
		return checkCheckpoint(c, content)
	})
	if errors.Is(err, fs.ErrNotExist) && errors.Is(local, ErrInvalid) {
		return nil, local
	}
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint %s: %w", c.Name, err)
	}
	return content, nil
}

// RemoveCheckpoint removes a checkpoint, in the bucket in the background.
func (m *MinIO) RemoveCheckpoint(ctx context.Context, c FileInfo) error {
	key := m.key(path.Join(CheckpointDir, checkpointFile(c)))
	m.uploads.drop(key)
	m.uploads.add(upload{key: key})
	return m.staging.RemoveCheckpoint(ctx, c)
}
