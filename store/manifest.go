package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ManifestName is the file that makes a folder a result: without it, whatever
// else lies there is what a run has left behind.
const ManifestName = "manifest.json"

// FormatVersion is that of manifest.json. It grows when a field changes its
// meaning or goes, not when one is added.
const FormatVersion = 1

// maxManifest bounds in bytes what is read as a manifest.
const maxManifest = 1 << 20

// ErrInvalid marks a manifest that cannot be used, or that its folder belies.
var ErrInvalid = errors.New("invalid result")

// Status is how the run ended that left a manifest.
type Status string

// The two ends that leave one.
const (
	Finished    Status = "finished"
	Interrupted Status = "interrupted"
)

// FileInfo is one stored artefact.
type FileInfo struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex, lower case
}

// Manifest is manifest.json: what a run left, and how it was made.
type Manifest struct {
	FormatVersion int               `json:"format_version"` // set by PutManifest
	Status        Status            `json:"status"`
	Created       time.Time         `json:"created"` // UTC, in whole seconds
	Files         []FileInfo        `json:"files"`   // in the order they were put
	Config        map[string]string `json:"config"`  // variables, without secrets
	Versions      map[string]string `json:"versions"`
	Inputs        *Inputs           `json:"inputs,omitempty"` // nil: not known, or the same whenever it is asked for
}

// Inputs is what the data were that a result comes of, so that a later start can
// tell whether they have changed: files, or documents of a database.
type Inputs struct {
	Files   int    `json:"files,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`   // in them
	Listing string `json:"listing,omitempty"` // SHA-256 of their names, sizes and times of change
	SHA256  string `json:"sha256,omitempty"`  // of their names and contents; empty: they changed meanwhile

	Documents map[string]int64 `json:"documents,omitempty"` // by collection

	EdgesSHA256 string `json:"edges_sha256,omitempty"` // of EDGES_FILE
}

// Validate checks what a manifest says by itself, whether its files are there
// or not. The error wraps ErrInvalid.
func (m Manifest) Validate() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s %s", ErrInvalid, ManifestName, fmt.Sprintf(format, a...))
	}
	if m.FormatVersion != FormatVersion {
		return bad("has format_version %d, but this version reads %d; use the version that wrote it", m.FormatVersion, FormatVersion)
	}
	if m.Status != Finished && m.Status != Interrupted {
		return bad("has status %q, which is neither %s nor %s", m.Status, Finished, Interrupted)
	}
	if m.Created.IsZero() {
		return bad("does not say when it was created")
	}
	seen := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		if nameErr := checkArtefact(f.Name); nameErr != nil {
			return bad("lists a file %q: %v", f.Name, nameErr)
		} else if seen[f.Name] {
			return bad("lists %s twice", f.Name)
		} else if f.Size < 0 || err != nil || len(sum) != sha256.Size {
			return bad("gives %s the size %d and the SHA-256 %q", f.Name, f.Size, f.SHA256)
		}
		seen[f.Name] = true
	}
	return nil
}

// ReadManifest reads the manifest of the result in dir. Where there is none,
// the error wraps fs.ErrNotExist; where it cannot be used, ErrInvalid.
func ReadManifest(dir string) (Manifest, error) {
	f, err := os.Open(filepath.Join(dir, ManifestName))
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	m, err := parseManifest(b)
	if err != nil {
		return Manifest{}, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return m, nil
}

func parseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > maxManifest {
		return m, fmt.Errorf("%w: %s is larger than %d bytes", ErrInvalid, ManifestName, maxManifest)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: %s is no manifest: %v", ErrInvalid, ManifestName, err)
	}
	return m, m.Validate()
}

// Verify reads the manifest in dir and checks size and SHA-256 of every file
// it lists. The error tells of each file that is missing or has changed, and
// wraps ErrInvalid then; see ReadManifest for the rest. Files beside those
// listed are no fault.
func Verify(dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return m, err
	}
	var faults []error
	for _, want := range m.Files {
		if err := verifyFile(filepath.Join(dir, filepath.FromSlash(want.Name)), want); err != nil {
			faults = append(faults, err)
		}
	}
	return m, errors.Join(faults...)
}

func verifyFile(path string, want FileInfo) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrInvalid, path)
	} else if err != nil {
		return fmt.Errorf("verifying %s: %w", want.Name, err)
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return fmt.Errorf("verifying %s: %w", want.Name, err)
	}
	if size != want.Size {
		return fmt.Errorf("%w: %s has %d bytes, its manifest says %d", ErrInvalid, path, size, want.Size)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != want.SHA256 {
		return fmt.Errorf("%w: %s has the SHA-256 %s, its manifest says %s", ErrInvalid, path, sum, want.SHA256)
	}
	return nil
}
