package binance

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ErrRecording is a recorder that writes to the cache.
var ErrRecording = errors.New("another gnn-trainer record is running")

// LockBooks takes the right to record into the cache, which one process has at
// a time, and gives the function that gives it back. It ends with the process
// at the latest.
func (c *Cache) LockBooks() (unlock func(), err error) {
	dir := filepath.Join(c.dir, "book")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, cacheError("making a folder in CACHE_DIR", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, cacheError("locking the books in CACHE_DIR", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.Input("%w in %s", ErrRecording, dir).At("%s", dir).Fix("stop it, or set another CACHE_DIR")
		}
		return nil, cacheError("locking the books in CACHE_DIR", err)
	}
	return func() { _ = f.Close() }, nil
}
