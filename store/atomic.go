package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// temporary is where the bytes of name gather. It lies in the same folder,
// since a rename is atomic within one file system only.
func temporary(dir, name string) string { return filepath.Join(dir, "."+name+".tmp") }

func isTemporary(base string) bool {
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".tmp")
}

// removeTemporary removes what a killed run has left half written. The folder
// need not be there.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if isTemporary(e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// writeTemporary puts what write writes on the disk under name's temporary
// name. After an error, and after a panic of write, nothing is left of it.
func writeTemporary(dir, name string, write func(io.Writer) error) (info FileInfo, err error) {
	path := temporary(dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return info, err
	}
	whole := false
	defer func() {
		if !whole {
			_ = file.Close()
			_ = os.Remove(path)
		}
	}()

	hash := sha256.New()
	count := &countingWriter{w: io.MultiWriter(file, hash)}
	buffered := bufio.NewWriterSize(count, 256<<10)
	if err := write(buffered); err != nil {
		return info, err
	}
	if err := buffered.Flush(); err != nil {
		return info, err
	}
	if err := file.Sync(); err != nil {
		return info, err
	}
	if err := file.Close(); err != nil {
		return info, err
	}
	whole = true
	return FileInfo{Name: name, Size: count.n, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// commit gives the temporary file of name its final name, for good once the
// folder is on the disk as well.
func commit(ctx context.Context, dir, name string) error {
	path := temporary(dir, name)
	if ctx.Err() != nil {
		_ = os.Remove(path)
		return context.Cause(ctx)
	}
	if err := os.Rename(path, filepath.Join(dir, name)); err != nil {
		_ = os.Remove(path)
		return err
	}
	return syncDir(dir)
}

// syncDir puts a folder's list of names on the disk. File systems that cannot
// do this for a folder, such as some network ones, do it on their own.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// explain adds the remedy of what the operating system rejects. errors.Is still
// finds syscall.ENOSPC, fs.ErrPermission and the like in it.
func explain(err error) error { return explainFor("STORE_DIR", err) }

// explainFor is explain for the folder that a variable sets.
func explainFor(variable string, err error) error {
	place := ""
	var at *fs.PathError
	if errors.As(err, &at) {
		place = at.Path
	}
	rejected := func(what, remedy string) error {
		return fault.Rejected("%w, %s", err, what).At("%s", place).Fix(remedy, variable)
	}
	const space = "free some space or set %s to another disk"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fault.Transient("%w, the disk is full", err).At("%s", place).Fix(space, variable)
	case errors.Is(err, syscall.EDQUOT):
		return fault.Transient("%w, the disk quota is used up", err).At("%s", place).Fix(space, variable)
	case errors.Is(err, syscall.EROFS):
		return rejected("the file system is read-only", "set %s to a folder that can be written")
	case errors.Is(err, syscall.ENOTDIR):
		return rejected("a file stands where a folder must be", "move it away or set %s to another folder")
	case errors.Is(err, fs.ErrPermission):
		return rejected("this user may not write there", "give it the right or set %s to another folder")
	case errors.Is(err, fs.ErrNotExist):
		return rejected("there can be no folder of that name", "set %s to another one")
	}
	return err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// contextWriter ends a long write soon after its context.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *contextWriter) Write(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.w.Write(p)
}
