package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// CheckpointDir is where checkpoints lie beside the artefacts, outside the
// manifest: they are the run's own, and go when it has finished.
const CheckpointDir = "checkpoints"

// checkpointFile is the name under which a checkpoint lies: its hash is in it,
// so that a torn or changed one is known by itself.
func checkpointFile(c FileInfo) string {
	extension := filepath.Ext(c.Name)
	return strings.TrimSuffix(c.Name, extension) + "." + c.SHA256 + extension
}

// parseCheckpointFile is the inverse; false for files of others.
func parseCheckpointFile(file string, size int64) (FileInfo, bool) {
	extension := filepath.Ext(file)
	rest := strings.TrimSuffix(file, extension)
	sum := strings.TrimPrefix(filepath.Ext(rest), ".")
	name := strings.TrimSuffix(rest, "."+sum) + extension
	if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size || strings.ToLower(sum) != sum || checkFileName(name) != nil {
		return FileInfo{}, false
	}
	return FileInfo{Name: name, Size: size, SHA256: sum}, true
}

// sortCheckpoints orders by name, which numbers make their order in time.
func sortCheckpoints(list []FileInfo) []FileInfo {
	slices.SortFunc(list, func(a, b FileInfo) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256)) })
	return slices.CompactFunc(list, func(a, b FileInfo) bool { return checkpointFile(a) == checkpointFile(b) })
}

// checkCheckpoint compares content with what its name says of it.
func checkCheckpoint(c FileInfo, content []byte) error {
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != c.SHA256 {
		return fmt.Errorf("%w: checkpoint %s is torn or was changed: its SHA-256 is %x, and was %s", ErrInvalid, c.Name, sum, c.SHA256)
	}
	return nil
}

func (f *Folder) checkpoints() string { return filepath.Join(f.path, CheckpointDir) }

// PutCheckpoint stores what write writes as a checkpoint, whole or not at all.
// name is one step of a path with a number in it, such as model-000040.pt, that
// no other checkpoint had. It works from Open on, before Begin too.
func (f *Folder) PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (FileInfo, error) {
	info, err := f.putCheckpoint(ctx, name, write)
	if err != nil {
		return FileInfo{}, fmt.Errorf("storing checkpoint %s in %s: %w", name, f.path, explain(err))
	}
	return info, nil
}

func (f *Folder) putCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (FileInfo, error) {
	if err := checkFileName(name); err != nil {
		return FileInfo{}, err
	}
	if filepath.Ext(name) == "" {
		return FileInfo{}, errors.New("its name has no extension, which its hash stands before")
	}
	dir := f.checkpoints()
	if err := os.Mkdir(dir, 0o777); err == nil {
		if err := syncDir(f.path); err != nil {
			return FileInfo{}, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return FileInfo{}, err
	}
	info, err := writeTemporary(dir, name, func(w io.Writer) error { return write(&contextWriter{ctx, w}) })
	if err != nil {
		return FileInfo{}, err
	}
	if err := os.Rename(temporary(dir, name), filepath.Join(dir, checkpointFile(info))); err != nil {
		_ = os.Remove(temporary(dir, name))
		return FileInfo{}, err
	}
	return info, syncDir(dir)
}

// Checkpoints are all that are stored, by name.
func (f *Folder) Checkpoints(context.Context) ([]FileInfo, error) {
	entries, err := os.ReadDir(f.checkpoints())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing checkpoints: %w", err)
	}
	var list []FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if c, ok := parseCheckpointFile(e.Name(), info.Size()); ok {
			list = append(list, c)
		}
	}
	return sortCheckpoints(list), nil
}

// ReadCheckpoint gives a checkpoint's content. The error wraps ErrInvalid where
// that is not what was stored, and fs.ErrNotExist where it is gone.
func (f *Folder) ReadCheckpoint(_ context.Context, c FileInfo) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(f.checkpoints(), checkpointFile(c)))
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint %s: %w", c.Name, err)
	}
	return content, checkCheckpoint(c, content)
}

// RemoveCheckpoint removes a checkpoint, which need not be there.
func (f *Folder) RemoveCheckpoint(_ context.Context, c FileInfo) error {
	if err := os.Remove(filepath.Join(f.checkpoints(), checkpointFile(c))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing checkpoint %s: %w", c.Name, err)
	}
	_ = syscall.Rmdir(f.checkpoints()) // only an empty folder goes
	return nil
}

// EventsName is the file of events that could not be delivered.
const EventsName = "events.jsonl"

// AppendEvent adds an event that could not be delivered to events.jsonl, which
// is outside the manifest and stays from one run to the next.
func (f *Folder) AppendEvent(event []byte) error {
	// It may come of a run that got no further than this.
	err := os.MkdirAll(f.path, 0o777)
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(filepath.Join(f.path, EventsName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	}
	if err == nil {
		_, err = file.Write(append(bytes.Clone(event), '\n'))
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("keeping an event that was not delivered: %w", explain(err))
	}
	return nil
}

// Flush is for stores that are elsewhere: a folder has what was put into it.
func (f *Folder) Flush(context.Context) error { return nil }
