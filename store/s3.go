package store

import (
	"net/http"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

// pages is what to do about a page in the place of an answer of MinIO.
const pages = "set MINIO_ENDPOINT to the port of MinIO's API (mostly 9000, its console has another), or check HTTP_PROXY and NO_PROXY"

// ofBucket are the requests that S3 answers with lists in XML.
func ofBucket(r *http.Request) bool {
	return r.Method == http.MethodGet && !strings.Contains(strings.Trim(r.URL.Path, "/"), "/")
}

// s3 makes a fault of an answer that no server of S3 gives: a page, or an object
// that was taken without an ETag for it, as any other server may answer.
type s3 struct{ guard *webpage.Guard }

// RoundTrip implements http.RoundTripper.
func (s *s3) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.guard.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	object := bucket != "" && key != "" && (r.Method == http.MethodPut || r.Method == http.MethodHead)
	if object && answer.StatusCode == http.StatusOK && answer.Header.Get("ETag") == "" {
		answer.Body.Close()
		return nil, fault.Rejected("%s answers as no server of S3 does: without an ETag for an object, and with the type %q",
			r.URL.Host, answer.Header.Get("Content-Type")).At("%s", r.URL.Host).Fix(pages)
	}
	return answer, nil
}
