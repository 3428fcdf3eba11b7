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

// work is one step of the uploader.
func (m *MinIO) work(ctx context.Context, u upload) error {
	if u.path == "" {
		return m.explain(m.client.RemoveObject(ctx, m.config.Bucket, u.key, minio.RemoveObjectOptions{}))
	}
	err := m.putFile(ctx, u)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a checkpoint that was removed meanwhile
	}
	return m.explain(err)
}

// putFile uploads a staged file; the server compares the checksum.
func (m *MinIO) putFile(ctx context.Context, u upload) error {
	file, err := os.Open(u.path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if u.info.SHA256 != "" && u.info.SHA256 != sum {
		return fmt.Errorf("%w: %s was changed on the disk", ErrInvalid, u.path)
	}
	return m.put(ctx, u.key, file, size, sum)
}

func (m *MinIO) putBytes(ctx context.Context, key string, content []byte) error {
	sum := sha256.Sum256(content)
	return m.put(ctx, key, bytes.NewReader(content), int64(len(content)), hex.EncodeToString(sum[:]))
}

func (m *MinIO) put(ctx context.Context, key string, r io.ReadSeeker, size int64, sum string) error {
	checksum, err := minio.ChecksumCRC64NVME.ChecksumReader(r)
	if err != nil {
		return err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if size > partSize {
		// Parts of an upload that was cut short before would stay for good.
		_ = m.client.RemoveIncompleteUpload(ctx, m.config.Bucket, key)
	}
	_, err = m.client.PutObject(ctx, m.config.Bucket, key, r, size, minio.PutObjectOptions{
		Checksum: minio.ChecksumCRC64NVME, PartSize: partSize, NumThreads: 2,
		ContentType: contentType(key), UserMetadata: map[string]string{hashKey: sum},
	})
	if err != nil {
		return err
	}
	object, err := m.client.StatObject(ctx, m.config.Bucket, key, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return err
	}
	if object.Size != size || object.ChecksumCRC64NVME != "" && object.ChecksumCRC64NVME != checksum.Encoded() {
		return fmt.Errorf("the server has %d bytes with the CRC-64 %s of %s, and %d bytes with %s were sent",
			object.Size, object.ChecksumCRC64NVME, key, size, checksum.Encoded())
	}
	return nil
}

func contentType(key string) string {
	if strings.HasSuffix(key, ".json") {
		return "application/json"
	}
	return "application/octet-stream"
}

// verify compares an object with what the manifest says of it.
func (m *MinIO) verify(ctx context.Context, f FileInfo) error {
	object, err := m.client.StatObject(ctx, m.config.Bucket, m.key(f.Name), minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
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
	object, err := m.client.GetObject(ctx, m.config.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close()
	info, err := object.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size > most {
		return nil, fmt.Errorf("%w: %s has %d bytes, and %d are the most", ErrInvalid, key, info.Size, most)
	}
	content, err := io.ReadAll(object)
	if err != nil {
		return nil, err
	}
	if want, sum := info.UserMetadata[hashKey], sha256.Sum256(content); want != "" && want != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: %s has the SHA-256 %x, and was stored with %s", ErrInvalid, key, sum, want)
	}
	return content, nil
}
