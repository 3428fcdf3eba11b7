package store_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestALookAtABucketProvesWhatARunNeedsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	link := lab.NewS3Proxy(t, server.Addr)
	theirs := client(t, server)
	look := func(t *testing.T, change func(*store.Config)) error {
		t.Helper()
		c := configOf(t, server, link.Addr)
		change(&c)
		s, err := store.NewMinIO(c, "q1", nil, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err = s.Look(ctx)
		if entries, _ := os.ReadDir(c.Dir); len(entries) != 0 {
			t.Errorf("it left %v in the staging folder", entries)
		}
		return err
	}
	as := func(policy string) func(*store.Config) {
		return func(c *store.Config) {
			access, key := server.LimitedUser(t, policy)
			c.AccessKey, c.SecretKey = secret.String(access), secret.String(key)
		}
	}
	same := func(*store.Config) {}
	if err := look(t, same); !errors.Is(err, store.ErrNoBucket) {
		t.Errorf("without a bucket it says %v", err)
	}
	if there, err := theirs.BucketExists(t.Context(), "models"); there || err != nil {
		t.Errorf("a look made the bucket: %v", err)
	}
	if err := theirs.MakeBucket(t.Context(), "models", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*store.Config)
		answer func(*http.Request) (int, string)
		want   string
		refuse bool
		stays  int // objects that the user may not remove
	}{
		"all that is needed": {change: same},
		"a user who may only read": {
			change: as(lab.ReadOnly), refuse: true,
			want: "give it the right to put, get, list and delete in MINIO_BUCKET_NAME=models",
		},
		"a user who may not delete": {
			refuse: true, stays: 1, want: "give it the right to put, get, list and delete",
			change: as(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Put*"],"Resource":["arn:aws:s3:::*"]}]}`),
		},
		"a user who may not read": {
			refuse: true, want: "give it the right to put, get, list and delete",
			change: as(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:List*","s3:Put*","s3:Delete*"],"Resource":["arn:aws:s3:::*"]}]}`),
		},
		"a server that fails once the object is there": {
			change: same, want: "last: ",
			answer: func(r *http.Request) (int, string) {
				if r.Method == http.MethodHead && strings.Contains(r.URL.Path, ".probe") {
					return http.StatusServiceUnavailable, "SlowDown"
				}
				return 0, ""
			},
		},
		"a wrong key": {change: func(c *store.Config) { c.SecretKey = "canary-wrong" }, refuse: true, want: "check MINIO_ACCESS_KEY and MINIO_SECRET_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			link.Answer(c.answer)
			defer link.Answer(nil)
			err := look(t, c.change)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, fault.ErrRejected) != c.refuse):
				t.Errorf("it says %v, want %s", err, c.want)
			}
			left := keys(t, theirs, "")
			if len(left) != c.stays {
				t.Errorf("it left %v", left)
			}
			for _, key := range left {
				if err := theirs.RemoveObject(t.Context(), "models", key, minio.RemoveObjectOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	s, err := store.NewMinIO(configOf(t, server, server.Addr), "q1", nil, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if at, err := s.Clock(t.Context()); err != nil || time.Since(at) > 10*time.Second || time.Since(at) < -10*time.Second {
		t.Errorf("its clock says %v, %v", at, err)
	}
}

func TestAFolderIsKnownToBeWritableAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                               "",
		filepath.Join(dir, "a", "b", "c"): "",
		filepath.Join(file, "a"):          "a file stands where a folder must be: move it away or set CACHE_DIR to another folder",
		file:                              "a file stands where a folder must be: move it away or set CACHE_DIR to another folder",
		"/proc/nowhere":                   "there can be no folder of that name: set CACHE_DIR to another one",
	} {
		free, err := store.Writable(path, "CACHE_DIR")
		switch {
		case want == "" && (err != nil || free <= 0):
			t.Errorf("%s: %d bytes, %v", path, free, err)
		case want != "" && (!errors.Is(err, fault.ErrRejected) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Errorf("it left %v, %v", entries, err)
	}

	full := t.TempDir()
	if err := syscall.Mount("tmpfs", full, "tmpfs", 0, "size=8k"); err != nil {
		t.Skip("no small disk to fill:", err)
	}
	defer func() { _ = syscall.Unmount(full, syscall.MNT_DETACH) }()
	if err := os.WriteFile(filepath.Join(full, "file"), make([]byte, 8<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if free, err := store.Writable(full, "STORE_DIR"); free != 0 || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the disk is full: free some space or set STORE_DIR") {
		t.Errorf("a full disk has %d bytes, %v", free, err)
	}
	if err := syscall.Mount("tmpfs", full, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=8k"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Writable(full, "STORE_DIR"); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "the file system is read-only: set STORE_DIR") {
		t.Errorf("a read-only disk: %v", err)
	}
}
