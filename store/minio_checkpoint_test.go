package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestCheckpointsAreThoseOfDiskAndBucketAndABadOneIsTakenFromTheOther(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	c := configOf(t, server, server.Addr)
	s := opened(t, c, "q1")
	var infos []store.FileInfo
	for i := range 3 {
		info, err := s.PutCheckpoint(t.Context(), fmt.Sprintf("model-%06d.pt", i), bytesWriter([]byte(fmt.Sprint("state ", i))))
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.Path(), "checkpoints", "*.pt"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	slices.Sort(files)
	if err := errors.Join(os.Remove(files[0]), os.WriteFile(files[1], []byte("torn"), 0o600)); err != nil {
		t.Fatal(err)
	}
	other := client(t, server)
	last := "m1/q1/checkpoints/" + filepath.Base(files[2])
	if err := other.RemoveObject(t.Context(), "models", last, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Checkpoints(t.Context())
	same := func(a, b store.FileInfo) bool { return a.Name == b.Name && a.SHA256 == b.SHA256 } // a torn one is shorter
	if err != nil || !slices.EqualFunc(got, infos, same) {
		t.Fatalf("%v, want %v: %v", got, infos, err)
	}
	for i, info := range got {
		if content, err := s.ReadCheckpoint(t.Context(), info); err != nil || string(content) != fmt.Sprint("state ", i) {
			t.Errorf("%s: %q, %v", info.Name, content, err)
		}
	}
	// torn on the disk, and not yet in the bucket
	if err := os.WriteFile(files[2], []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadCheckpoint(t.Context(), infos[2]); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("%v", err)
	}
	// bad on both sides
	second := "m1/q1/checkpoints/" + filepath.Base(files[1])
	if _, err := other.PutObject(t.Context(), "models", second, strings.NewReader("torn"), 4, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadCheckpoint(t.Context(), infos[1]); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("%v", err)
	}
	for _, info := range infos {
		if err := s.RemoveCheckpoint(t.Context(), info); err != nil {
			t.Error(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if left := keys(t, other, "m1/q1/checkpoints"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
