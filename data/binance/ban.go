package binance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Respect keeps the end of a ban in the cache, and keeps to one that an earlier
// process was given: a pod that Kubernetes starts again must not call during
// it, which would make it longer. Call it before anything is asked.
func (c *Client) Respect(cache *Cache) error {
	path := filepath.Join(cache.dir, "banned-until")
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return cacheError("looking for a ban in CACHE_DIR", err)
	default:
		until, err := time.Parse(time.RFC3339, strings.TrimSpace(string(content)))
		if err != nil {
			return fault.Input("%s holds %.40q instead of a time", path, content).At("%s", path).Fix("remove it")
		}
		c.gate.close(time.Until(until), "the exchange has banned this address (418)", false)
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.saveBan = func(until time.Time) {
		// Where it cannot be kept, the next process learns of the ban by itself.
		_ = keepBan(path, until)
	}
	return nil
}

// keepBan replaces the file as a whole: several requests, and several processes,
// may learn of a ban at once.
func keepBan(path string, until time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(until.UTC().Add(time.Second).Format(time.RFC3339) + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Watch reports waits for a limit, and after failures.
func (c *Client) Watch(watch data.Watcher) {
	var one sync.Mutex // at a time
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.notify = func(s data.Step) {
		one.Lock()
		defer one.Unlock()
		watch.Tell(s)
	}
}
