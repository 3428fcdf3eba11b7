package store

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	partSize     = 8 << 20          // bytes; a larger object goes up in parts
	requestLimit = 30 * time.Second // how long one request of several is repeated
	abortLimit   = time.Second / 2  // how long the parts of a failed upload may take to be removed
)

// The headers of an upload in parts whose checksum is that of the whole object.
const (
	checksumAlgorithm = "X-Amz-Checksum-Algorithm"
	checksumType      = "X-Amz-Checksum-Type"
	checksumHeader    = "X-Amz-Checksum-Crc64nvme"
	fullObject        = "FULL_OBJECT"
)

// putParts uploads an object in parts, each repeated by itself: minio-go, where
// it divides an object, gives all of it up for one part that fails. checksum is
// the CRC-64 of the whole, as the headers have it.
func (m *MinIO) putParts(ctx context.Context, key string, r io.ReaderAt, size int64, metadata map[string]string, checksum string) (err error) {
	core := minio.Core{Client: m.client}
	// Parts of an upload that was cut short before would stay for good.
	_ = m.client.RemoveIncompleteUpload(ctx, m.config.Bucket, key)
	defer func() {
		if err != nil {
			// The next try does it again, where there is one: a checkpoint's key
			// does not come back. By key, since the answer that has the id may
			// be lost; soon, since Close waits for it.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
			defer cancel()
			_ = m.client.RemoveIncompleteUpload(ctx, m.config.Bucket, key)
		}
	}()
	begin := map[string]string{checksumAlgorithm: minio.ChecksumCRC64NVME.String(), checksumType: fullObject}
	for name, value := range metadata {
		begin[name] = value
	}
	var id string
	err = m.request(ctx, func() (err error) {
		id, err = core.NewMultipartUpload(ctx, m.config.Bucket, key, minio.PutObjectOptions{UserMetadata: begin, ContentType: contentType(key)})
		return err
	})
	if err != nil {
		return err
	}
	var parts []minio.CompletePart
	for at := int64(0); at < size; at += partSize {
		// New memory each: a request that was answered before its end may
		// still be reading the last one.
		part := make([]byte, min(partSize, size-at))
		if _, err := r.ReadAt(part, at); err != nil {
			return err
		}
		number, sum := len(parts)+1, minio.ChecksumCRC64NVME.ChecksumBytes(part).Encoded()
		err := m.request(ctx, func() error {
			p, err := core.PutObjectPart(ctx, m.config.Bucket, key, id, number, bytes.NewReader(part), int64(len(part)), minio.PutObjectPartOptions{
				CustomHeader: map[string][]string{checksumHeader: {sum}},
			})
			if err == nil {
				parts = append(parts, minio.CompletePart{PartNumber: number, ETag: p.ETag, ChecksumCRC64NVME: sum})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return m.request(ctx, func() error {
		_, err := core.CompleteMultipartUpload(ctx, m.config.Bucket, key, id, parts, minio.PutObjectOptions{
			UserMetadata: map[string]string{checksumHeader: checksum, checksumType: fullObject},
		})
		return err
	})
}
