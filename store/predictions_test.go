package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// updater is a store of predictions.
type updater interface {
	UpdatePredictions(ctx context.Context, name string, update func(old []byte) ([]byte, error)) error
}

func TestUpdatesOfPredictionsFollowEachOtherAndNoneIsLost(t *testing.T) {
	check := func(t *testing.T, open func(queueID string) updater) {
		t.Helper()
		read := func() (content string) {
			t.Helper()
			err := open("reader").UpdatePredictions(t.Context(), "2024-06-01.parquet", func(old []byte) ([]byte, error) {
				content = string(old)
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
			return content
		}
		var g sync.WaitGroup
		var want []string
		for _, writer := range strings.Split("abcdefgh", "") {
			want = append(want, writer+"1", writer+"2", writer+"3")
			s := open("writer-" + writer)
			g.Go(func() {
				for _, word := range []string{"1", "2", "3"} {
					err := s.UpdatePredictions(t.Context(), "2024-06-01.parquet", func(old []byte) ([]byte, error) {
						return append(slices.Clone(old), writer+word+" "...), nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		g.Wait()
		got := strings.Fields(read())
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the file has %v, want %v", got, want)
		}
		before, failed := read(), errors.New("no good")
		if err := open("x").UpdatePredictions(t.Context(), "2024-06-01.parquet", func([]byte) ([]byte, error) { return []byte("half"), failed }); !errors.Is(err, failed) || read() != before {
			t.Errorf("an update that fails: %v", err)
		}
		for _, name := range []string{"../latest.json", ".lock", "", "a/b"} {
			if err := open("x").UpdatePredictions(t.Context(), name, func([]byte) ([]byte, error) { return []byte("x"), nil }); err == nil {
				t.Errorf("%q is taken", name)
			}
		}
	}
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		check(t, func(queueID string) updater {
			f, err := store.NewFolder(store.Config{Dir: dir, ModelName: "m1"}, queueID)
			if err != nil {
				t.Fatal(err)
			}
			return f
		})
		left, err := filepath.Glob(filepath.Join(dir, "m1", "*"))
		if err != nil || !slices.Equal(left, []string{filepath.Join(dir, "m1", "predictions")}) {
			t.Errorf("there is %v, %v", left, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f, _ := store.NewFolder(store.Config{Dir: dir, ModelName: "m1"}, "q")
		path := filepath.Join(dir, "m1", "predictions", "new")
		if err := f.UpdatePredictions(ctx, "new", func([]byte) ([]byte, error) { return []byte("x"), nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a stop: %v", err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("a stopped update is written")
		}
	})
	t.Run("bucket", func(t *testing.T) {
		server := lab.StartMinIO(t, lab.MinIOOptions{})
		c := configOf(t, server, server.Addr)
		opened(t, c, "q1") // which makes the bucket
		check(t, func(queueID string) updater {
			m, err := store.NewMinIO(c, queueID, nil, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Close)
			return m
		})
	})
}
