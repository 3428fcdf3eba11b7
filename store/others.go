package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// Other is an artefact of another run of the same MODEL_NAME.
type Other struct {
	QueueID string
	Content []byte
}

// Others are the artefacts of a name of all other runs of the MODEL_NAME that have
// finished, in the order of their ids. A run whose manifest or artefact is missing
// or changed has no result, and is left out.
func (f *Folder) Others(ctx context.Context, name string) ([]Other, error) {
	dir := filepath.Dir(f.path)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the runs in %s: %w", dir, explain(err))
	}
	var all []Other
	for _, entry := range entries { // by name
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("listing the runs in %s: %w", dir, context.Cause(ctx))
		}
		run := filepath.Join(dir, entry.Name())
		if !entry.IsDir() || run == f.path {
			continue
		}
		var content []byte
		m, err := ReadManifest(run)
		if err == nil && m.Status == Finished {
			content, err = os.ReadFile(filepath.Join(run, filepath.FromSlash(name)))
		}
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrInvalid):
			return nil, fmt.Errorf("reading the runs in %s: %w", dir, explain(err))
		case m.VouchesFor(name, content):
			all = append(all, Other{entry.Name(), content})
		}
	}
	return all, nil
}

// VouchesFor tells whether content is that of the artefact of a name, as it was stored.
func (m Manifest) VouchesFor(name string, content []byte) bool {
	sum := sha256.Sum256(content)
	return slices.Contains(m.Files, FileInfo{name, int64(len(content)), hex.EncodeToString(sum[:])})
}

// othersAtOnce is how many runs are read at once.
const othersAtOnce = 8

// Others is that of a Folder, in the bucket.
func (m *MinIO) Others(ctx context.Context, name string) ([]Other, error) {
	var runs []string
	prefix := m.config.ModelName + "/"
	err := m.request(ctx, func() error {
		runs = nil
		for object := range m.client.ListObjects(ctx, m.config.Bucket, minio.ListObjectsOptions{Prefix: prefix}) {
			if object.Err != nil {
				return object.Err
			}
			if run, folder := strings.CutSuffix(strings.TrimPrefix(object.Key, prefix), "/"); folder && run != path.Base(m.prefix) {
				runs = append(runs, run)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the runs in s3://%s: %w", path.Join(m.config.Bucket, m.config.ModelName), err)
	}
	slices.Sort(runs)
	contents := make([][]byte, len(runs))
	var g errgroup.Group
	g.SetLimit(othersAtOnce)
	for i, run := range runs {
		g.Go(func() (err error) {
			contents[i], err = m.other(ctx, path.Join(m.config.ModelName, run), name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("reading the runs in s3://%s: %w", path.Join(m.config.Bucket, m.config.ModelName), err)
	}
	var all []Other
	for i, content := range contents {
		if content != nil {
			all = append(all, Other{runs[i], content})
		}
	}
	return all, nil
}

// other is an artefact of a run's finished result; nil where it has none.
func (m *MinIO) other(ctx context.Context, run, name string) (content []byte, err error) {
	err = m.request(ctx, func() error {
		file, err := m.get(ctx, path.Join(run, ManifestName), maxManifest)
		if err != nil {
			return err
		}
		manifest, err := parseManifest(file)
		if err != nil || manifest.Status != Finished {
			return err
		}
		if content, err = m.get(ctx, path.Join(run, name), maxRead); err == nil && !manifest.VouchesFor(name, content) {
			content = nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInvalid) {
		return nil, nil
	}
	return content, err
}
