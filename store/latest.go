package store

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"
)

// LatestName is the file beside the runs of a model that names the newest
// finished one.
const LatestName = "latest.json"

// Latest is latest.json.
type Latest struct {
	FormatVersion int       `json:"format_version"`
	ModelName     string    `json:"model_name"`
	QueueID       string    `json:"queue_id"`
	Created       time.Time `json:"created"`    // of the result, UTC, in whole seconds
	Manifest      string    `json:"manifest"`   // path from this file's folder
	ModelPath     string    `json:"model_path"` // address of model.pt
}

func newLatest(modelName, queueID string, m Manifest, location func(string) string) Latest {
	return Latest{
		FormatVersion: FormatVersion, ModelName: modelName, QueueID: queueID, Created: m.Created.UTC().Truncate(time.Second),
		Manifest: path.Join(queueID, ManifestName), ModelPath: location("model.pt"),
	}
}

// behind tells whether content, which is latest.json or what is left of it,
// names an older result than l, or none.
func (l Latest) behind(content []byte) bool {
	var old Latest
	return json.Unmarshal(content, &old) != nil || old.Manifest == "" || old.Created.Before(l.Created)
}

func (l Latest) write(w io.Writer) error { return encodeJSON(w, l) }

// encodeJSON writes v as people read it.
func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// parseLatest reads latest.json. The error wraps ErrInvalid.
func parseLatest(content []byte) (Latest, error) {
	var l Latest
	bad := func(format string, a ...any) (Latest, error) {
		return Latest{}, fmt.Errorf("%w: %s %s", ErrInvalid, LatestName, fmt.Sprintf(format, a...))
	}
	if err := json.Unmarshal(content, &l); err != nil {
		return bad("cannot be read: %v", err)
	}
	if l.FormatVersion != FormatVersion {
		return bad("has format_version %d, but this version reads %d; use the version that wrote it", l.FormatVersion, FormatVersion)
	}
	if err := CheckRun(l.QueueID); err != nil {
		return bad("names the run %.80q: a run's name must be one %v", l.QueueID, err)
	}
	return l, nil
}

// Latest reads latest.json, whichever run f is of. Where there is none, the error
// wraps fs.ErrNotExist; where it cannot be used, ErrInvalid.
func (f *Folder) Latest(context.Context) (Latest, error) {
	name := filepath.Join(filepath.Dir(f.path), LatestName)
	file, err := os.Open(name)
	if err != nil {
		return Latest{}, fmt.Errorf("reading %s: %w", LatestName, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err != nil {
		return Latest{}, fmt.Errorf("reading %s: %w", name, err)
	}
	l, err := parseLatest(content)
	if err != nil {
		return Latest{}, fmt.Errorf("reading %s: %w", name, err)
	}
	return l, nil
}

// Latest is that of a Folder, in the bucket.
func (m *MinIO) Latest(ctx context.Context) (l Latest, err error) {
	err = m.atStart(ctx, func(ctx context.Context) error {
		content, err := m.get(ctx, m.latestKey(), maxManifest)
		if err == nil {
			l, err = parseLatest(content)
		}
		return err
	})
	if err != nil {
		return Latest{}, fmt.Errorf("reading s3://%s: %w", path.Join(m.config.Bucket, m.latestKey()), err)
	}
	return l, nil
}
