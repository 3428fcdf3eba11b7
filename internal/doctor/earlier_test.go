package doctor_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/doctor"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// earlier is what starts of a run of vars leave in a store.
type earlier interface {
	job.Access
	job.ArtefactStore
	job.ResultStore
	job.CheckpointStore
	Path() string
}

func load(t *testing.T, vars variables) config.Config {
	t.Helper()
	c, err := config.Load(vars.environ())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keep leaves a checkpoint after so many epochs.
func keep(t *testing.T, to earlier, vars variables, epochs int) {
	t.Helper()
	s := checkpoint.State{Epochs: make([]checkpoint.Epoch, epochs), RNG: []byte{1}}
	_, err := to.PutCheckpoint(t.Context(), fmt.Sprintf("model-%09d-%09d.pt", epochs, 0), func(w io.Writer) error {
		return checkpoint.Encode(w, checkpoint.Origin{Settings: load(t, vars).Settings(), Data: checkpoint.Data{SHA256: "of some data"}}, s)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finish leaves a result.
func finish(t *testing.T, to earlier, vars variables, status store.Status) {
	t.Helper()
	err := to.Begin(t.Context())
	var info store.FileInfo
	if err == nil {
		info, err = to.Put(t.Context(), "model.pt", func(w io.Writer) error { _, err := w.Write([]byte("model")); return err })
	}
	if err == nil {
		err = to.PutManifest(t.Context(), store.Manifest{Status: status, Created: time.Now(), Files: []store.FileInfo{info}, Config: load(t, vars).Public()})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tree are the files below dir, with when they were written.
func tree(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	all := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			all[path] = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const otherTraining = "this QUEUE_ID has a checkpoint of another training: BATCH_SIZE was 32 and is 8: set that back to resume from it, set RESUME=never to train from the start, or give the run another QUEUE_ID"

func TestWhatEarlierStartsHaveLeftIsFoundAndLeftAsItIs(t *testing.T) {
	other := variables{"BATCH_SIZE": "8"}
	never := variables{"BATCH_SIZE": "8", "RESUME": "never"}
	for name, c := range map[string]struct {
		leave  func(t *testing.T, to earlier, vars variables)
		change variables
		want   want
		code   int
	}{
		"nothing": {func(*testing.T, earlier, variables) {}, nil, want{"checkpoints", doctor.OK, "has no checkpoint of QUEUE_ID=q1: the run starts from the beginning"}, 0},
		"a checkpoint of this training": {func(t *testing.T, to earlier, vars variables) {
			keep(t, to, vars, 3)
			keep(t, to, vars, 12)
		}, variables{"EPOCHS": "99"}, want{"checkpoints", doctor.OK, "resumes from the checkpoint after epoch 12"}, 0},
		"a checkpoint of another training": {
			func(t *testing.T, to earlier, vars variables) { keep(t, to, vars, 3) }, other,
			want{"checkpoints", doctor.Failed, otherTraining},
			2,
		},
		"a checkpoint of another training and an interrupted result": {func(t *testing.T, to earlier, vars variables) {
			keep(t, to, vars, 3)
			finish(t, to, vars, store.Interrupted)
		}, other, want{"checkpoints", doctor.Failed, otherTraining}, 2},
		"RESUME=never": {func(t *testing.T, to earlier, vars variables) { keep(t, to, vars, 3) }, never, want{"checkpoints", doctor.Skipped, "RESUME=never"}, 0},
		"a checkpoint that no version wrote": {func(t *testing.T, to earlier, _ variables) {
			if _, err := to.PutCheckpoint(t.Context(), "model-000000009-000000000.pt", func(w io.Writer) error { _, err := w.Write([]byte("PK")); return err }); err != nil {
				t.Fatal(err)
			}
		}, nil, want{"checkpoints", doctor.Failed, "run the version that wrote it, or set RESUME=never to train from the start"}, 2},
		"a result of the same settings": {
			func(t *testing.T, to earlier, vars variables) { finish(t, to, vars, store.Finished) }, nil,
			want{"checkpoints", doctor.Warning, "has finished with the same settings"},
			0,
		},
		"a result of other settings, and its checkpoint": {func(t *testing.T, to earlier, vars variables) {
			keep(t, to, vars, 3)
			finish(t, to, vars, store.Finished)
		}, other, want{"checkpoints", doctor.Warning, "that result is replaced when this run is stored"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := base(t).with(variables{"BATCH_SIZE": "32"})
			conf := load(t, vars)
			folder, err := store.NewFolder(conf.Store, conf.IDs.QueueID)
			if err == nil {
				err = folder.Open(t.Context()) // a run at work has it locked
			}
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			c.leave(t, folder, vars)
			before := tree(t, vars["STORE_DIR"])
			expected{change: c.change, checks: []want{c.want}, code: c.code}.mustFind(t, vars, nil)
			after := tree(t, vars["STORE_DIR"])
			delete(before, vars["STORE_DIR"]) // that it can be written is tried there
			delete(after, vars["STORE_DIR"])
			if !maps.Equal(before, after) {
				t.Errorf("it left %v of %v", after, before)
			}
		})
	}
}

func TestATornCheckpointIsPassedOverForTheOneBeforeIt(t *testing.T) {
	vars := base(t)
	conf := load(t, vars)
	folder, err := store.NewFolder(conf.Store, conf.IDs.QueueID)
	if err == nil {
		err = folder.Open(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	keep(t, folder, vars, 3)
	keep(t, folder, vars, 4)
	torn, err := filepath.Glob(filepath.Join(folder.Path(), store.CheckpointDir, "model-000000004-*"))
	if err != nil || len(torn) != 1 {
		t.Fatal(torn, err)
	}
	if err := os.Truncate(torn[0], 10); err != nil {
		t.Fatal(err)
	}
	expected{checks: []want{{"checkpoints", doctor.OK, "after epoch 3 in"}}}.mustFind(t, vars, nil)
}

func TestWhatEarlierStartsHaveLeftInABucketIsFoundAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	m := lab.StartMinIO(t, lab.MinIOOptions{})
	theirs, err := minio.New(m.Addr, &minio.Options{Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	objects := func() map[string]time.Time {
		all := map[string]time.Time{}
		for object := range theirs.ListObjects(t.Context(), "models", minio.ListObjectsOptions{Recursive: true}) {
			all[object.Key] = object.LastModified
		}
		return all
	}
	vars := base(t).with(variables{
		"BATCH_SIZE": "32", "MINIO_ENDPOINT": m.Addr, "MINIO_ACCESS_KEY": m.AccessKey, "MINIO_SECRET_KEY": m.SecretKey, "MINIO_BUCKET_NAME": "models",
	})
	leave := func(of func(*store.MinIO)) {
		bucket, err := job.NewMinIO(load(t, vars), func(string) {})
		if err == nil {
			err = bucket.Open(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer bucket.Close()
		of(bucket)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := bucket.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	find := func(change variables, status doctor.Status, says string, code int) {
		t.Helper()
		before := objects()
		change["STORE_DIR"] = t.TempDir() // of another node
		expected{change: change, checks: []want{{"minio", doctor.OK, ""}, {"checkpoints", status, says}}, code: code}.mustFind(t, vars, []string{m.SecretKey})
		if after := objects(); !maps.Equal(before, after) || len(before) == 0 {
			t.Errorf("it left %v of %v", after, before)
		}
		if left := tree(t, change["STORE_DIR"]); len(left) != 1 {
			t.Errorf("it left %v", left)
		}
	}
	leave(func(b *store.MinIO) { keep(t, b, vars, 5) })
	find(variables{}, doctor.OK, "after epoch 5 in s3://models/market_gnn_v1/q1", 0)
	find(variables{"BATCH_SIZE": "8"}, doctor.Failed, otherTraining, 2)
	leave(func(b *store.MinIO) { finish(t, b, vars, store.Finished) })
	find(variables{}, doctor.Warning, "has finished with the same settings, in s3://models", 0)
	find(variables{"BATCH_SIZE": "8"}, doctor.Warning, "that result is replaced when this run is stored", 0)
}
