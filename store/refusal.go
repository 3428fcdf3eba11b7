package store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// explain makes a fault of what MinIO, or the way to it, rejects, with its
// remedy. All else is transient; what is not there wraps fs.ErrNotExist.
func (m *MinIO) explain(err error) error {
	var request *url.Error
	if errors.As(err, &request) && fault.KindOf(request.Err) != "" {
		return request.Err // of the transport, without the address of the request
	}
	if err == nil || fault.KindOf(err) != "" || errors.Is(err, ErrInvalid) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
	)
	switch {
	case errors.As(err, &unknown):
		return fault.Rejected("its certificate was signed by an authority that is not trusted (%w)", err).Fix("set CA_PATH to the PEM file of the one that signed it")
	case errors.As(err, &host):
		return fault.Rejected("its certificate is for another host (%w)", err).Fix("use the name it is for in MINIO_ENDPOINT")
	case errors.As(err, &invalid):
		return fault.Rejected("its certificate cannot be used (%w)", err).Fix("ask whoever runs the server to renew it, or correct this machine's clock")
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fault.Rejected("it speaks no TLS (%w)", err).Fix("set MINIO_SECURE=false")
	}
	code := minio.ToErrorResponse(err).Code
	switch code {
	case minio.NoSuchKey:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch:
		return fault.Rejected("it does not accept the keys (%w)", err).Fix("check MINIO_ACCESS_KEY and MINIO_SECRET_KEY")
	case minio.AccessDenied:
		return fault.Rejected("the user of MINIO_ACCESS_KEY may not do that (%w)", err).
			Fix("give it the right to put, get, list and delete in MINIO_BUCKET_NAME=%s, or name another bucket", m.config.Bucket)
	case minio.NoSuchBucket:
		return fault.Rejected("there is no bucket %s (%w)", m.config.Bucket, err).Fix("create it, or set MINIO_BUCKET_NAME to one that is there")
	case minio.BucketAlreadyExists, minio.InvalidBucketName:
		return fault.Rejected("the bucket %s cannot be used (%w)", m.config.Bucket, err).Fix("set MINIO_BUCKET_NAME to another one")
	case "RequestTimeTooSkewed":
		return fault.Rejected("this machine's clock and the server's differ by too much (%w)", err).Fix("set the one that is wrong")
	case "":
		return fault.Transient("%w", err)
	}
	return fault.Transient("%s: %w", code, err)
}
