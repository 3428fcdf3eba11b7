package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/store"
)

func TestABucketsNameThatNoBucketHasIsRefusedWithWhatToSet(t *testing.T) {
	for _, name := range []string{"a", "My_Models", strings.Repeat("a", 64)} {
		err := store.Config{Endpoint: "minio:9000", AccessKey: "a", SecretKey: "s", Bucket: name, Timeout: time.Minute}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "MINIO_BUCKET_NAME is \""+name+"\", which no bucket is named (") || !strings.Contains(err.Error(), "): set a name of 3 to 63 lower-case letters") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
