// Package store keeps what a run leaves: artefacts enter under plain names,
// and a folder leaves in which each file is whole and the manifest, written
// last, vouches for it. It does not know what the artefacts mean.
package store

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
)

// Config is where artefacts go. The variables are documented in
// internal/config, which reads them.
type Config struct {
	Dir       string `env:"STORE_DIR" envDefault:"out"`
	ModelName string `env:"MODEL_NAME" envDefault:"market_gnn_v1"`

	Endpoint  string        `env:"MINIO_ENDPOINT"` // host:port; empty: Dir is the store
	AccessKey secret.String `env:"MINIO_ACCESS_KEY"`
	SecretKey secret.String `env:"MINIO_SECRET_KEY"`
	Bucket    string        `env:"MINIO_BUCKET_NAME"`
	Secure    bool          `env:"MINIO_SECURE" envDefault:"false"` // TLS
}

// maxName is a limit in bytes that holds on every file system in use, and
// leaves room for the marks of a temporary name.
const maxName = 200

// CheckName tells whether name can be one step of an artefact's path: a model
// name, a queue id or a file. The error says what name must not be, so that a
// caller can put before it what is so named.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("it is empty")
	case name == "." || name == "..":
		return fmt.Errorf("it must not be a folder's own name or its parent's")
	case len(name) > maxName:
		return fmt.Errorf("it must have at most %d bytes and has %d", maxName, len(name))
	}
	for _, r := range name {
		switch {
		case r == '/' || r == '\\':
			return fmt.Errorf("it must be one step of a path, without %q", r)
		case r < ' ' || r == 0x7f || r == '\uFFFD':
			return fmt.Errorf("it must hold no control character and be UTF-8")
		}
	}
	return nil
}
