// Package store keeps what a run leaves: artefacts enter under plain names,
// and a folder, or a prefix of a MinIO bucket, leaves in which each file is
// whole and the manifest, written last, vouches for it. Beside them lie the
// run's checkpoints and the events that could not be delivered. It does not
// know what any of them mean.
package store

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
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
	Timeout   time.Duration `env:"STORE_TIMEOUT" envDefault:"15m"`  // without success, after which MinIO is given up
}

// Validate tells all that is wrong with the values at once, each with its
// variable. It is for a Config with an Endpoint.
func (c Config) Validate() error {
	var faults fault.List
	if strings.Contains(c.Endpoint, "://") {
		faults.Add(fault.Input("MINIO_ENDPOINT holds a scheme").At("MINIO_ENDPOINT").Fix("set host:port alone, and MINIO_SECURE=true for https"))
	} else if host, _, err := net.SplitHostPort(c.Endpoint); strings.ContainsAny(c.Endpoint, "/@ ") || err == nil && host == "" {
		faults.Add(fault.Input("MINIO_ENDPOINT is not an address").At("MINIO_ENDPOINT").Fix("set host:port"))
	}
	for _, key := range []struct {
		variable string
		set      bool
	}{{"MINIO_ACCESS_KEY", c.AccessKey != ""}, {"MINIO_SECRET_KEY", c.SecretKey != ""}, {"MINIO_BUCKET_NAME", c.Bucket != ""}} {
		if !key.set {
			faults.Add(fault.Input("MINIO_ENDPOINT is set, but %s is not", key.variable).At("%s", key.variable).Fix("set it, or unset MINIO_ENDPOINT"))
		}
	}
	if c.Bucket != "" {
		if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
			faults.Add(fault.Input("MINIO_BUCKET_NAME is %.80q, which no bucket is named (%w)", c.Bucket, err).At("MINIO_BUCKET_NAME").
				Fix("set a name of 3 to 63 lower-case letters, digits, dots and hyphens"))
		}
	}
	if c.Timeout <= 0 {
		faults.Add(fault.Input("STORE_TIMEOUT is %s", c.Timeout).At("STORE_TIMEOUT").Fix("set a length of time such as 15m"))
	}
	return faults.Err()
}

// maxName is a limit in bytes that holds on every file system in use, and
// leaves room for the marks of a temporary name.
const maxName = 200

// CheckName tells whether name can be one step of an artefact's path: a model
// name, a queue id or a file. The error says what a name must be, in words
// that end a sentence: "set one ...".
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("that is not empty")
	case name == "." || name == "..":
		return fmt.Errorf("that is not a folder's own name or its parent's")
	case len(name) > maxName:
		return fmt.Errorf("of at most %d bytes, which this one exceeds by %d", maxName, len(name)-maxName)
	}
	for _, r := range name {
		switch {
		case r == '/' || r == '\\':
			return fmt.Errorf("that is one step of a path, without %q", r)
		case r < ' ' || r == 0x7f || r == '\uFFFD':
			return fmt.Errorf("in UTF-8, without control characters")
		}
	}
	return nil
}

// CheckRun tells whether name can be a run's QUEUE_ID: a folder beside the files
// and folders of its model. See CheckName.
func CheckRun(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return checkOwn(name, ofModel)
}

// CheckModel tells whether name can be a MODEL_NAME: a folder in STORE_DIR, which
// may be a model's folder too. See CheckName.
func CheckModel(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return checkOwn(name, ofRun)
}

// ofRun are the names that a run's folder and a model's file have.
var ofRun = []string{
	LatestName, ManifestName, CheckpointDir, BaselinesDir, EventsName,
	"model.pt", "weights.pt", "metadata.json", "metrics.json", "predictions.parquet", "dataset.pt", "graph.pt", "report.html",
}

// ofModel are those that stand beside a model's runs, now or in a later version.
var ofModel = append([]string{"predictions", "promotions", "trials"}, ofRun...)

// checkOwn keeps a folder from names that the store gives itself. Case does not
// count, as on some file systems.
func checkOwn(name string, own []string) error {
	if strings.HasPrefix(name, ".") {
		return fmt.Errorf("that does not begin with a dot, as the store's own files do")
	}
	for _, one := range own {
		if strings.EqualFold(one, name) {
			return fmt.Errorf("that the store gives no file or folder of its own, as it does %s", one)
		}
	}
	return nil
}
