package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/store"
)

// databaseLook is how long a finished run that is started again may ask the
// database whether its graph has grown.
const databaseLook = 10 * time.Second

// listInputs lists the files of a source whose extent is not pinned. Contents are
// not read. It is nil for other sources, and where the files cannot be listed:
// that is for the load to report.
func listInputs(c source.Config) *store.Inputs {
	if c.Source != source.Files && c.Source != sourcePyG {
		return nil
	}
	in, _, err := listFiles(c)
	if err != nil {
		return nil
	}
	return in
}

// inputFiles are the paths of a run's files.
func inputFiles(c source.Config) ([]string, error) {
	if c.Source == sourcePyG {
		return []string{c.Dir}, nil
	}
	return source.InputFiles(c)
}

// listFiles makes the listing of a run's files by names, sizes and times of
// change.
func listFiles(c source.Config) (*store.Inputs, []string, error) {
	paths, err := inputFiles(c)
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(paths)
	in, listing := &store.Inputs{Files: len(paths)}, sha256.New()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, err
		}
		in.Bytes += info.Size()
		fmt.Fprintf(listing, "%q %d %d\n", nameOf(path, c), info.Size(), info.ModTime().UnixNano())
	}
	in.Listing = hex.EncodeToString(listing.Sum(nil))
	return in, paths, nil
}

// nameOf is what a file is known by: that of a graph may be another one.
func nameOf(path string, c source.Config) string {
	if c.Source == sourcePyG {
		return ""
	}
	return filepath.Base(path)
}

// digestFiles is the SHA-256 of names and contents.
func digestFiles(ctx context.Context, c source.Config, paths []string) (string, error) {
	all := sha256.New()
	for _, path := range paths {
		fmt.Fprintf(all, "%q\n", nameOf(path, c))
		if err := hashFile(ctx, all, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func hashFile(ctx context.Context, all hash.Hash, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	one := sha256.New()
	for buffer := make([]byte, 1<<20); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := f.Read(buffer)
		_, _ = one.Write(buffer[:n]) // a hash takes everything
		if err == io.EOF {
			_, _ = all.Write(one.Sum(nil))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// countDocuments counts those of each collection of a prepared graph without
// times; nil: what is read grows with time, and is pinned.
func countDocuments(ctx context.Context, c arango.Config) (map[string]int64, error) {
	if c.Graph == "" || c.Candles != "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, databaseLook)
	defer cancel()
	db, err := arango.Open(ctx, c, nil)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := db.Look(ctx)
	if err != nil || found.Inputs.Graph == nil || found.Lacks != "" {
		return nil, err
	}
	return found.Documents, nil
}

// recordInputs finds in the background, while the model trains, what the data
// are that were read: the contents of the files that were listed before the load,
// and the size of a graph without times in a database. wait gives it; nil: it is
// not known, or the source is pinned.
func recordInputs(ctx context.Context, c source.Config, before *store.Inputs, d *data.Dataset) (wait func() *store.Inputs) {
	done := make(chan *store.Inputs, 1)
	go func() {
		switch {
		case before != nil:
			done <- withDigest(ctx, c, *before)
		case c.Source == source.Arango && d.Timeless():
			if documents, err := countDocuments(ctx, c.Arango); err == nil && documents != nil {
				done <- &store.Inputs{Documents: documents}
			}
			fallthrough
		default:
			close(done)
		}
	}()
	return func() *store.Inputs {
		select {
		case in := <-done:
			return in
		case <-ctx.Done():
			return nil
		}
	}
}

// withEdges adds the digest of EDGES_FILE, where there is one.
func withEdges(wait func() *store.Inputs, digest string) func() *store.Inputs {
	if digest == "" {
		return wait
	}
	return func() *store.Inputs {
		in := store.Inputs{}
		if known := wait(); known != nil {
			in = *known
		}
		in.EdgesSHA256 = digest
		return &in
	}
}

// edgesChanged tells how EDGES_FILE differs from that of a manifest; "": it does
// not, or there is none.
func edgesChanged(digest string, old *store.Inputs) string {
	if old == nil || old.EdgesSHA256 == "" || old.EdgesSHA256 == digest {
		return ""
	}
	return "EDGES_FILE has other contents"
}

// withDigest adds the digest, unless the files changed during the load: then what
// was read is not known.
func withDigest(ctx context.Context, c source.Config, in store.Inputs) *store.Inputs {
	after, paths, err := listFiles(c)
	if err == nil && after.Listing == in.Listing {
		if digest, err := digestFiles(ctx, c, paths); err == nil {
			in.SHA256 = digest
		}
	}
	return &in
}

// changedSince tells how the data of a run differ from what a manifest has of
// them; "": they do not, or it is not known.
func changedSince(ctx context.Context, c source.Config, old *store.Inputs) string {
	if old == nil {
		return "" // of an earlier version, or of a source that is pinned
	}
	if old.Documents != nil {
		documents, err := countDocuments(ctx, c.Arango)
		if err != nil || documents == nil || maps.Equal(documents, old.Documents) {
			return ""
		}
		return fmt.Sprintf("graph %s had %d documents and has %d", c.Arango.Graph, total(old.Documents), total(documents))
	}
	if old.Listing == "" {
		return "" // of a source that is pinned
	}
	now, paths, err := listFiles(c)
	unused := ""
	if c.Start != "" || c.End != "" { // files are compared, and not what is read of them
		unused = " (rows before START and from END on count here, which a run does not use)"
	}
	switch {
	case err != nil:
		return fmt.Sprintf("DATA_DIR cannot be listed as it was: %v", err)
	case now.Listing == old.Listing:
		return ""
	case now.Files != old.Files:
		return fmt.Sprintf("DATA_DIR had %d files for this run and has %d%s", old.Files, now.Files, unused)
	case now.Bytes != old.Bytes:
		return fmt.Sprintf("the %d files of DATA_DIR had %d bytes and have %d%s", old.Files, old.Bytes, now.Bytes, unused)
	}
	// The same sizes with other times: a copy, or changed in place.
	if digest, err := digestFiles(ctx, c, paths); err != nil || digest == old.SHA256 {
		return ""
	}
	return "what DATA_DIR holds has the same size and other contents" + unused
}

func total(documents map[string]int64) (n int64) {
	for _, count := range documents {
		n += count
	}
	return n
}
