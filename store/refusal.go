package store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/minio/minio-go/v7"
)

// explain says how to mend what MinIO, or the way to it, refuses. What a retry
// does not mend wraps ErrUnusable, what is not there fs.ErrNotExist.
func (m *MinIO) explain(err error) error {
	if err == nil || errors.Is(err, ErrUnusable) || errors.Is(err, ErrInvalid) {
		return err
	}
	unusable := func(format string, a ...any) error {
		return fmt.Errorf("%w: %w", ErrUnusable, fmt.Errorf(format, a...))
	}
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
	)
	switch {
	case errors.As(err, &unknown):
		return unusable("its certificate was signed by an authority that is not trusted (%w): set CA_PATH to the PEM file of the one that signed it", err)
	case errors.As(err, &host):
		return unusable("its certificate is for another host (%w): use the name it is for in MINIO_ENDPOINT", err)
	case errors.As(err, &invalid):
		return unusable("its certificate cannot be used (%w): whoever runs the server renews it, or this machine's clock is wrong", err)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return unusable("it speaks no TLS (%w): set MINIO_SECURE=false", err)
	case strings.Contains(err.Error(), "HTTP request to an HTTPS server"):
		return unusable("it speaks TLS (%w): set MINIO_SECURE=true", err)
	}
	code := minio.ToErrorResponse(err).Code
	switch code {
	case minio.NoSuchKey:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch:
		return unusable("it does not take the keys (%w): look at MINIO_ACCESS_KEY and MINIO_SECRET_KEY", err)
	case minio.AccessDenied:
		return unusable("the user of MINIO_ACCESS_KEY may not do that (%w): give it the right to put, get, list and delete in MINIO_BUCKET_NAME=%s, or name another bucket", err, m.config.Bucket)
	case minio.NoSuchBucket:
		return unusable("there is no bucket %s (%w): make it, or set MINIO_BUCKET_NAME to one that is there", m.config.Bucket, err)
	case minio.BucketAlreadyExists, minio.InvalidBucketName:
		return unusable("the bucket %s cannot be used (%w): set MINIO_BUCKET_NAME to another one", m.config.Bucket, err)
	case "RequestTimeTooSkewed":
		return unusable("this machine's clock and the server's differ by too much (%w): set the one that is wrong", err)
	case "":
		return err
	}
	return fmt.Errorf("%s: %w", code, err)
}
