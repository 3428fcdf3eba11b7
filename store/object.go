package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
)

var (
	// errGone is a file that is not to be uploaded any more: a checkpoint that
	// was removed meanwhile.
	errGone = errors.New("the file is gone")

	// errSpoilt is a staged file that is not what was staged. What waits behind
	// it must not wait for it.
	errSpoilt = errors.New("the staged file cannot be used")
)

// work is one step of the uploader.
func (m *MinIO) work(ctx context.Context, u upload) error {
	if u.path == "" {
		return m.explain(m.client.RemoveObject(ctx, m.config.Bucket, u.key, minio.RemoveObjectOptions{}))
	}
	return m.explain(m.putFile(ctx, u))
}

// putFile uploads a staged file; the server compares the checksum.
func (m *MinIO) putFile(ctx context.Context, u upload) error {
	file, err := os.Open(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return unreadable(u, err)
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return unreadable(u, err)
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if u.info.SHA256 != "" && u.info.SHA256 != sum {
		return fmt.Errorf("%w: %s was changed on the disk", errSpoilt, u.path)
	}
	return m.put(ctx, u.key, file, size, sum)
}

// unreadable is the error of a file that the disk does not give: a result is
// worth another try, a checkpoint is not worth the wait of what is behind it.
func unreadable(u upload, err error) error {
	if u.artefact {
		return err
	}
	return fmt.Errorf("%w: %w", errSpoilt, err)
}

func (m *MinIO) putBytes(ctx context.Context, key string, content []byte) error {
	sum := sha256.Sum256(content)
	return m.put(ctx, key, bytes.NewReader(content), int64(len(content)), hex.EncodeToString(sum[:]))
}

// reader is what is uploaded: read once for its checksum, then to send it.
type reader interface {
	io.Reader
	io.ReaderAt
}

// put uploads an object with its checksum, for the server to compare, and
// compares what the server has then.
func (m *MinIO) put(ctx context.Context, key string, r reader, size int64, sum string) error {
	checksum, err := minio.ChecksumCRC64NVME.ChecksumReader(r)
	if err != nil {
		return err
	}
	metadata := map[string]string{hashKey: sum}
	if size > partSize {
		err = m.putParts(ctx, key, r, size, metadata, checksum.Encoded())
	} else {
		metadata[checksumHeader] = checksum.Encoded()
		err = m.request(ctx, func() error {
			// A reader of its own: a request that was answered before its
			// end may still be reading the last one.
			_, err := m.client.PutObject(ctx, m.config.Bucket, key, io.NewSectionReader(r, 0, size), size, minio.PutObjectOptions{
				DisableMultipart: true, ContentType: contentType(key), UserMetadata: metadata,
			})
			return err
		})
	}
	if err != nil {
		return err
	}
	object, err := m.stat(ctx, key)
	if err != nil {
		return err
	}
	if object.Size != size || object.ChecksumCRC64NVME != checksum.Encoded() {
		return fmt.Errorf("the server has %d bytes with the CRC-64 %q of %s, and %d bytes with %q were sent",
			object.Size, object.ChecksumCRC64NVME, key, size, checksum.Encoded())
	}
	return nil
}

func (m *MinIO) stat(ctx context.Context, key string) (object minio.ObjectInfo, err error) {
	err = m.request(ctx, func() (err error) {
		object, err = m.client.StatObject(ctx, m.config.Bucket, key, minio.StatObjectOptions{Checksum: true})
		return err
	})
	return object, err
}

func contentType(key string) string {
	if strings.HasSuffix(key, ".json") {
		return "application/json"
	}
	return "application/octet-stream"
}

// verify compares an object with what the manifest says of it.
func (m *MinIO) verify(ctx context.Context, f FileInfo) error {
	object, err := m.stat(ctx, m.key(f.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrInvalid, m.Location(f.Name))
	}
	if err != nil {
		return err
	}
	if sum := object.UserMetadata[hashKey]; object.Size != f.Size || sum != f.SHA256 {
		return fmt.Errorf("%w: %s has %d bytes and was stored with the SHA-256 %q, its manifest says %d and %s",
			ErrInvalid, m.Location(f.Name), object.Size, sum, f.Size, f.SHA256)
	}
	return nil
}

// maxRead bounds in bytes an object that is read into memory.
const maxRead = 16 << 30

// get reads an object of so many bytes at most, and compares its hash.
func (m *MinIO) get(ctx context.Context, key string, most int64) ([]byte, error) {
	info, err := m.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if info.Size > most {
		return nil, fmt.Errorf("%w: %s has %d bytes, and %d are the most", ErrInvalid, key, info.Size, most)
	}
	var content []byte
	err = m.request(ctx, func() error {
		object, err := m.client.GetObject(ctx, m.config.Bucket, key, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer object.Close()
		content, err = io.ReadAll(object)
		return err
	})
	if err != nil {
		return nil, err
	}
	if want, sum := info.UserMetadata[hashKey], sha256.Sum256(content); want != "" && want != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: %s has the SHA-256 %x, and was stored with %s", ErrInvalid, key, sum, want)
	}
	return content, nil
}
