package store

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

// ErrNotUploaded marks artefacts that are whole in the staging folder and not,
// or not all, in the bucket.
var ErrNotUploaded = errors.New("not uploaded")

const (
	hashKey = "Sha256" // user metadata of every object

	// probeRemoval is how long the object of a failed probe may take to be
	// removed: a run that is stopped meanwhile has two seconds.
	probeRemoval = time.Second
)

// MinIO is the store of one run in a bucket, BUCKET/MODEL_NAME/QUEUE_ID/name.
// What is put gathers in a Folder first, its staging folder, and goes up in the
// background. It is used like a Folder: Open, Begin, Put, PutManifest, Close.
type MinIO struct {
	staging *Folder
	client  *minio.Client
	config  Config
	prefix  string // MODEL_NAME/QUEUE_ID
	http    *http.Transport
	uploads *uploader
	log     func(string)
	start   start
}

// NewMinIO names the place of the run queueID; nothing is touched yet. roots
// are the authorities trusted with MINIO_SECURE, nil those of the system. log
// receives a line when uploading begins to fail and when it works again.
func NewMinIO(cfg Config, queueID string, roots *x509.CertPool, log func(string)) (*MinIO, error) {
	staging, err := NewFolder(cfg, queueID)
	if err != nil {
		return nil, err
	}
	http := transport(roots)
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds:     credentials.NewStaticV4(cfg.AccessKey.Reveal(), cfg.SecretKey.Reveal(), ""),
		Secure:    cfg.Secure,
		Transport: &s3{&webpage.Guard{Base: http, Format: webpage.XML, Remedy: pages, TLS: "set MINIO_SECURE=true", Only: ofBucket}},
		// Repeating is done here, where the reasons are known; minio-go winds
		// a body back that the last request may still be reading.
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fault.Input("MINIO_ENDPOINT=%s cannot be used: %w", cfg.Endpoint, err).At("MINIO_ENDPOINT").Fix("set host:port")
	}
	m := &MinIO{staging: staging, client: client, config: cfg, http: http, prefix: path.Join(cfg.ModelName, queueID), log: log}
	m.uploads = newUploader(cfg.Timeout, log, m.work)
	return m, nil
}

// transport gives up a connection over which nothing moves.
func transport(roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = dialStallable
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	t.TLSHandshakeTimeout = 10 * time.Second
	t.OnProxyConnectResponse = webpage.Proxy
	return t
}

// Location is the address of the artefact name, s3://bucket/key.
func (m *MinIO) Location(name string) string {
	return "s3://" + path.Join(m.config.Bucket, m.key(name))
}

// Uploads may be asked for at any time.
func (m *MinIO) Uploads() Uploads { return m.uploads.uploads() }

// Path is the staging folder.
func (m *MinIO) Path() string { return m.staging.Path() }

func (m *MinIO) key(name string) string { return path.Join(m.prefix, name) }

// request repeats one request of several for a while.
func (m *MinIO) request(ctx context.Context, f func() error) error {
	return m.again(ctx, min(requestLimit, m.config.Timeout), f)
}

// persist repeats f until it succeeds, cannot, or the limit or ctx ends. The
// log receives the first failure.
func (m *MinIO) persist(ctx context.Context, limit time.Duration, f func() error) error {
	told := false
	return m.again(ctx, limit, func() error {
		err := m.explain(f())
		if err != nil && !told && !final(err) && ctx.Err() == nil {
			told = true
			m.log(fmt.Sprintf("MinIO at %s: %v; retrying", m.config.Endpoint, err))
		}
		return err
	})
}

// final tells whether another try would end the same.
func final(err error) bool {
	return fault.Permanent(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInvalid)
}

// again is persist without a word.
func (m *MinIO) again(ctx context.Context, limit time.Duration, f func() error) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := m.explain(f())
		if last == nil || ctx.Err() == nil { // else it may only report that ctx has ended
			last = err
		}
		if final(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(limit), backoff.WithNotify(func(err error, _ time.Duration) {
		m.uploads.retried()
		m.start.failed(ctx, err)
	}))
	if err != nil && last != nil && !errors.Is(last, err) {
		return fmt.Errorf("%w; last: %w", err, last)
	}
	return err
}

// Open opens the staging folder, makes the bucket where it is missing, and
// proves that objects can be written, read and removed. A server that is away
// is waited for, a minute at most. What only the user can fix is a fault of kind
// rejected.
func (m *MinIO) Open(ctx context.Context) error {
	if err := m.staging.Open(ctx); err != nil {
		return err
	}
	if err := m.atStart(ctx, m.probe); err != nil {
		return fault.Wrap("probing the bucket %s of MinIO at %s: %w", m.config.Bucket, m.config.Endpoint, err).At("%s", m.config.Endpoint)
	}
	return nil
}

func (m *MinIO) probe(ctx context.Context) error {
	there, err := m.bucketThere(ctx)
	if err == nil && !there {
		err = m.request(ctx, func() error {
			err := m.client.MakeBucket(ctx, m.config.Bucket, minio.MakeBucketOptions{})
			if minio.ToErrorResponse(err).Code == minio.BucketAlreadyOwnedByYou {
				return nil // another run was faster
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	return m.tryObject(ctx, m.key(".probe"))
}

// bucketThere tells whether the bucket is there. Who may not look may still be
// allowed to write to it: then it is taken to be.
func (m *MinIO) bucketThere(ctx context.Context) (there bool, err error) {
	there, err = m.client.BucketExists(ctx, m.config.Bucket)
	if minio.ToErrorResponse(err).Code == minio.AccessDenied {
		there, err = true, nil
	}
	return there, m.explain(err)
}

// tryObject writes an object, reads it, compares it, and removes it, whatever
// came before: a request whose answer was lost may have been served.
func (m *MinIO) tryObject(ctx context.Context, key string) error {
	content := []byte("probe")
	err := m.putBytes(ctx, key, content)
	if err == nil {
		var got []byte
		if got, err = m.get(ctx, key, int64(len(content))); err == nil && !bytes.Equal(got, content) {
			err = fmt.Errorf("%w: %s holds %d other bytes than were put there", ErrInvalid, key, len(got))
		}
	}
	remove := func(ctx context.Context) error {
		return m.request(ctx, func() error {
			return m.client.RemoveObject(ctx, m.config.Bucket, key, minio.RemoveObjectOptions{})
		})
	}
	if err == nil {
		return remove(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeRemoval)
	defer cancel()
	_ = remove(last) // the first error is the one to tell
	return err
}

// Close stops uploading and lets other runs have the staging folder.
func (m *MinIO) Close() {
	m.uploads.close()
	m.http.CloseIdleConnections()
	m.staging.Close()
}

// Begin takes back what an earlier run has said: from here on the bucket holds
// no result of this run's name until PutManifest.
func (m *MinIO) Begin(ctx context.Context) error {
	if err := m.staging.Open(ctx); err != nil {
		return err
	}
	err := m.persist(ctx, m.config.Timeout, func() error {
		return m.client.RemoveObject(ctx, m.config.Bucket, m.key(ManifestName), minio.RemoveObjectOptions{})
	})
	if err != nil {
		return fmt.Errorf("removing the old %s: %w", m.Location(ManifestName), err)
	}
	return m.staging.Begin(ctx)
}

// Put stages an artefact and returns; it goes up in the background.
func (m *MinIO) Put(ctx context.Context, name string, write func(io.Writer) error) (FileInfo, error) {
	info, err := m.staging.Put(ctx, name, write)
	if err == nil {
		m.uploads.add(upload{key: m.key(name), path: filepath.Join(m.staging.path, filepath.FromSlash(name)), info: info, artefact: true})
	}
	return info, err
}

// PutManifest waits until every artefact is up, compares each with what the
// server has, and stores the manifest; where the run has finished, latest.json
// moves to it and the staged artefacts are removed. Where the store stays away
// for STORE_TIMEOUT, or until ctx ends, the error wraps ErrNotUploaded, and all
// artefacts are in the staging folder, manifest included. It wraps ErrInvalid
// too where they were changed there.
func (m *MinIO) PutManifest(ctx context.Context, manifest Manifest) error {
	if err := m.staging.putManifest(ctx, manifest); err != nil {
		return err
	}
	if err := m.publish(ctx, manifest); err != nil {
		if _, spoilt := Verify(m.staging.path); spoilt != nil {
			return fmt.Errorf("%w: %w; uploading failed with: %w", ErrNotUploaded, spoilt, err)
		}
		f := fault.Wrap("%w: the result is whole in %s, and uploading it to %s failed: %w", ErrNotUploaded, m.staging.path, m.Location(""), err)
		if f.Remedy == "" {
			f = f.Fix("start the run again with the same STORE_DIR when MinIO is back: it does not train again")
		}
		return f
	}
	if manifest.Status == Finished {
		m.unstage(manifest)
	}
	return nil
}

func (m *MinIO) publish(ctx context.Context, manifest Manifest) error {
	if err := m.uploads.wait(ctx, func(u upload) bool { return u.artefact }); err != nil {
		return err
	}
	for _, f := range manifest.Files {
		if err := m.persist(ctx, m.config.Timeout, func() error { return m.verify(ctx, f) }); err != nil {
			return err
		}
	}
	file := filepath.Join(m.staging.path, ManifestName)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := m.persist(ctx, m.config.Timeout, func() error { return m.putBytes(ctx, m.key(ManifestName), content) }); err != nil {
		return err
	}
	if manifest.Status != Finished {
		return nil
	}
	return m.putLatest(ctx, m.config.Timeout, m.latest(manifest))
}

// MoveLatest moves latest.json to the finished result of a manifest, unless it
// names that or a newer one: a run that was killed right after its manifest has
// not.
func (m *MinIO) MoveLatest(ctx context.Context, manifest Manifest) error {
	latest := m.latest(manifest)
	var content []byte
	err := m.atStart(ctx, func(ctx context.Context) (err error) {
		content, err = m.get(ctx, m.latestKey(), maxManifest)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrInvalid) {
		return fmt.Errorf("looking at %s: %w", LatestName, err)
	}
	if err == nil && !latest.behind(content) {
		return nil
	}
	return m.putLatest(ctx, startPatience, latest)
}

func (m *MinIO) latestKey() string { return path.Join(m.config.ModelName, LatestName) }

func (m *MinIO) latest(manifest Manifest) Latest {
	return newLatest(m.config.ModelName, path.Base(m.prefix), manifest, m.Location)
}

func (m *MinIO) putLatest(ctx context.Context, limit time.Duration, latest Latest) error {
	var content bytes.Buffer
	if err := latest.write(&content); err != nil {
		return err
	}
	return m.persist(ctx, limit, func() error { return m.putBytes(ctx, m.latestKey(), content.Bytes()) })
}

// unstage removes what is in the bucket now, the manifest first. What stays
// behind costs space only.
func (m *MinIO) unstage(manifest Manifest) {
	_ = os.Remove(filepath.Join(m.staging.path, ManifestName))
	for _, f := range manifest.Files {
		_ = os.Remove(filepath.Join(m.staging.path, filepath.FromSlash(f.Name)))
	}
}

// Flush waits until all that was staged is up, checkpoints and undelivered
// events included.
func (m *MinIO) Flush(ctx context.Context) error {
	if err := m.uploads.wait(ctx, func(upload) bool { return true }); err != nil {
		return fmt.Errorf("%w: what is missing in %s is in %s: %w", ErrNotUploaded, m.Location(""), m.staging.path, err)
	}
	return nil
}

// Result is the manifest of the whole result that an earlier run left in the
// bucket. Where there is none the error wraps fs.ErrNotExist, and ErrInvalid
// where the objects belie it.
func (m *MinIO) Result(ctx context.Context) (Manifest, error) {
	var manifest Manifest
	err := m.atStart(ctx, func(ctx context.Context) error {
		content, err := m.get(ctx, m.key(ManifestName), maxManifest)
		if err != nil {
			return err
		}
		if manifest, err = parseManifest(content); err != nil {
			return err
		}
		for _, f := range manifest.Files {
			if err := m.verify(ctx, f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Manifest{}, fmt.Errorf("reading %s: %w", m.Location(ManifestName), err)
	}
	return manifest, nil
}

// Read is an artefact of that result, compared with the hash it was stored
// under.
func (m *MinIO) Read(ctx context.Context, name string) ([]byte, error) {
	if err := checkArtefact(name); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	var content []byte
	err := m.atStart(ctx, func(ctx context.Context) (err error) {
		content, err = m.get(ctx, m.key(name), maxRead)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", m.Location(name), err)
	}
	return content, nil
}
