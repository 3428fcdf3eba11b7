package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ErrLocked marks a folder that another run of the same MODEL_NAME and QUEUE_ID
// is using, such as a pod that has not quite ended.
var ErrLocked = fault.Transient("another run of the same MODEL_NAME and QUEUE_ID is writing there").Fix("wait for its end, or give this one another QUEUE_ID")

// lockName is the file that a run holds locked. It stays.
const lockName = ".lock"

// Folder is the store of one run on a file system: Dir/ModelName/queue id.
// Begin comes first, then Put for each artefact, PutManifest last. A process
// killed at any moment leaves each file as it was or as it was to be, and a
// manifest only over a whole result. One goroutine uses it, and Close ends it.
type Folder struct {
	root, path string
	lock       *os.File // held from Open to Close
	begun      bool
	put        []FileInfo
}

// NewFolder names the folder of the run queueID; nothing is touched yet. A
// name that is not one step of a path is an error.
func NewFolder(cfg Config, queueID string) (*Folder, error) {
	if cfg.Dir == "" {
		return nil, fault.Input("STORE_DIR is empty").At("STORE_DIR").Fix("set it to a folder")
	}
	for _, part := range []struct {
		variable, name string
		check          func(string) error
	}{{"MODEL_NAME", cfg.ModelName, CheckModel}, {"QUEUE_ID", queueID, CheckRun}} {
		if err := part.check(part.name); err != nil {
			return nil, fault.Input("%s is %.80q, which cannot name a folder", part.variable, part.name).At("%s", part.variable).Fix("set one %v", err)
		}
	}
	root, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("resolving STORE_DIR: %w", err)
	}
	return &Folder{root: root, path: filepath.Join(root, cfg.ModelName, queueID)}, nil
}

// Path is the absolute path of the folder.
func (f *Folder) Path() string { return f.path }

// Location is the address of the artefact name as a file URL.
func (f *Folder) Location(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(f.path, name))}).String()
}

// Result is the manifest of the whole result that an earlier run left here.
// Where there is none the error wraps fs.ErrNotExist, and ErrInvalid where the
// files belie it.
func (f *Folder) Result(context.Context) (Manifest, error) { return Verify(f.path) }

// Read is an artefact of that result.
func (f *Folder) Read(_ context.Context, name string) ([]byte, error) {
	if err := checkArtefact(name); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	content, err := os.ReadFile(filepath.Join(f.path, name))
	if err != nil {
		return nil, fmt.Errorf("reading an artefact: %w", err)
	}
	return content, nil
}

// Open makes the folder, locks it against other runs of the same name, and
// proves that it can be written. What an earlier run left stays. Where another
// run holds the lock, the error is ErrLocked.
func (f *Folder) Open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("preparing %s: %w", f.path, context.Cause(ctx))
	}
	if f.lock != nil {
		return nil
	}
	if err := f.open(); err != nil {
		f.Close()
		return fmt.Errorf("preparing %s: %w", f.path, explain(err))
	}
	return nil
}

func (f *Folder) open() error {
	_, absent := os.Stat(f.path)
	if err := os.MkdirAll(f.path, 0o777); err != nil {
		return err
	}
	if absent != nil { // the new folder must itself survive a power cut
		for _, dir := range []string{filepath.Dir(f.path), f.root} {
			if err := syncDir(dir); err != nil {
				return err
			}
		}
	}
	if err := f.acquire(); err != nil {
		return err
	}
	dirs := []string{f.path, f.checkpoints()}
	_ = filepath.WalkDir(filepath.Join(f.path, BaselinesDir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() { // else removing says what is wrong
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, dir := range dirs {
		if err := removeTemporary(dir); err != nil {
			return err
		}
	}
	probe := func(w io.Writer) error { _, err := w.Write([]byte("probe")); return err }
	if _, err := writeTemporary(f.path, "probe", probe); err != nil {
		return err
	}
	return os.Remove(temporary(f.path, "probe"))
}

// acquire takes the lock, which the system drops when the process ends,
// however it ends.
func (f *Folder) acquire() error {
	lock, err := os.OpenFile(filepath.Join(f.path, lockName), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return ErrLocked
		}
		if !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.ENOLCK) {
			return err
		}
		return nil // a file system without locks: two runs of one name are the user's to avoid
	}
	f.lock = lock
	return nil
}

// Close lets other runs have the folder. A second Close does nothing.
func (f *Folder) Close() {
	if f.lock != nil {
		f.lock.Close()
		f.lock = nil
	}
}

// Begin opens the folder where Open has not, and takes back what an earlier
// run has said about it: from here on the folder holds no result until
// PutManifest. A folder that cannot be written keeps its old result.
func (f *Folder) Begin(ctx context.Context) error {
	if err := f.Open(ctx); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(f.path, ManifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("preparing %s: %w", f.path, explain(err))
	}
	if err := syncDir(f.path); err != nil {
		return fmt.Errorf("preparing %s: %w", f.path, explain(err))
	}
	f.begun, f.put = true, nil
	return nil
}

// BaselinesDir is the folder of artefacts that are not the model's own: each
// baseline has one in it.
const BaselinesDir = "baselines"

// Put stores what write writes as name, one step of a path without a dot in
// front, or several below BaselinesDir. Until write has returned and every byte is on the disk, an older file
// of that name stays as it is, as it does after an error; the same name put
// again replaces the file. Once ctx has ended, write's next write fails.
func (f *Folder) Put(ctx context.Context, name string, write func(io.Writer) error) (FileInfo, error) {
	if err := checkArtefact(name); err != nil {
		return FileInfo{}, fmt.Errorf("storing %q: %w", name, err)
	}
	info, err := f.store(ctx, name, write)
	if err != nil {
		return FileInfo{}, err
	}
	f.put = append(slices.DeleteFunc(f.put, func(old FileInfo) bool { return old.Name == name }), info)
	return info, nil
}

// PutManifest makes the folder a result. The files of m must be what Put
// returned, all of them and in that order: a manifest vouches for no other.
// Where the run has finished, latest.json moves to it then. It is the last
// call; another one would have to begin anew.
func (f *Folder) PutManifest(ctx context.Context, m Manifest) error {
	if err := f.putManifest(ctx, m); err != nil {
		return err
	}
	if m.Status != Finished {
		return nil
	}
	return f.writeLatest(ctx, f.latest(m))
}

// MoveLatest moves latest.json to the finished result of m, unless it names
// that or a newer one: a run that was killed right after its manifest has not.
func (f *Folder) MoveLatest(ctx context.Context, m Manifest) error {
	latest := f.latest(m)
	content, err := os.ReadFile(filepath.Join(filepath.Dir(f.path), LatestName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at %s: %w", LatestName, explain(err))
	}
	if !latest.behind(content) {
		return nil
	}
	return f.writeLatest(ctx, latest)
}

func (f *Folder) latest(m Manifest) Latest {
	return newLatest(filepath.Base(filepath.Dir(f.path)), filepath.Base(f.path), m, f.Location)
}

func (f *Folder) writeLatest(ctx context.Context, latest Latest) error {
	dir := filepath.Dir(f.path)
	_, err := writeTemporary(dir, LatestName, latest.write)
	if err == nil {
		err = commit(ctx, dir, LatestName)
	}
	if err != nil {
		return fmt.Errorf("moving %s: %w", filepath.Join(dir, LatestName), explain(err))
	}
	return nil
}

func (f *Folder) putManifest(ctx context.Context, m Manifest) error {
	m.FormatVersion = FormatVersion
	m.Created = m.Created.UTC().Truncate(time.Second)
	if m.Files == nil {
		m.Files = []FileInfo{}
	}
	if m.Config == nil {
		m.Config = map[string]string{}
	}
	if m.Versions == nil {
		m.Versions = map[string]string{}
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("storing %s: %w", ManifestName, err)
	}
	if !slices.Equal(m.Files, f.put) {
		return fmt.Errorf("storing %s: it lists %d files that are not, in this order, the %d stored ones", ManifestName, len(m.Files), len(f.put))
	}
	_, err := f.store(ctx, ManifestName, func(w io.Writer) error { return encodeJSON(w, m) })
	if err == nil {
		f.begun = false
	}
	return err
}

func (f *Folder) store(ctx context.Context, name string, write func(io.Writer) error) (info FileInfo, err error) {
	if !f.begun {
		return info, fmt.Errorf("storing %s: %s is not prepared: call Begin before the first file and after a manifest", name, f.path)
	}
	dir, base := f.path, path.Base(name)
	if base != name {
		dir = filepath.Join(f.path, filepath.FromSlash(path.Dir(name)))
		err = f.makeFolder(dir)
	}
	if err == nil {
		info, err = writeTemporary(dir, base, func(w io.Writer) error { return write(&contextWriter{ctx, w}) })
	}
	if err == nil {
		err = commit(ctx, dir, base)
	}
	if err != nil {
		return FileInfo{}, fmt.Errorf("storing %s in %s: %w", name, f.path, explain(err))
	}
	info.Name = name
	return info, nil
}

// makeFolder makes one of a baseline, for good once those above it are on the
// disk.
func (f *Folder) makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for above := filepath.Dir(dir); len(above) >= len(f.path); above = filepath.Dir(above) {
		if err := syncDir(above); err != nil {
			return err
		}
	}
	return nil
}

// checkArtefact is checkFileName for an artefact, which may lie below
// BaselinesDir.
func checkArtefact(name string) error {
	rest, below := strings.CutPrefix(name, BaselinesDir+"/")
	if !below {
		return checkFileName(name)
	}
	for _, step := range strings.Split(rest, "/") {
		if err := checkFileName(step); err != nil {
			return err
		}
	}
	return nil
}

// checkFileName keeps artefacts from the manifest's name and from the hidden
// ones, which are those of temporary files.
func checkFileName(name string) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("its name must be one %w", err)
	}
	if strings.HasPrefix(name, ".") || name == ManifestName {
		return fmt.Errorf("that name is the store's own")
	}
	return nil
}
