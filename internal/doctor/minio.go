package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/store"
)

// noMinIO is why MinIO is not asked; empty: it is.
func (x *checker) noMinIO() string {
	switch {
	case x.Store.Endpoint == "":
		return "MINIO_ENDPOINT is not set: artefacts go to STORE_DIR"
	case x.Store.Validate() != nil, x.Rejects("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET_NAME", "CA_PATH"):
		return badConfiguration
	case store.CheckRun(x.IDs.QueueID) != nil || store.CheckModel(x.Store.ModelName) != nil:
		return "MODEL_NAME/QUEUE_ID, where it would be tried, is not a valid name"
	}
	return ""
}

// minio writes, reads, compares and removes an object beside the run's.
func (x *checker) minio() check {
	return check{name: minioName, skip: x.noMinIO(), run: func(ctx context.Context) finding {
		m, err := job.NewMinIO(x.Config, func(string) {})
		if err != nil {
			return failure(err, "check MINIO_ENDPOINT and CA_PATH")
		}
		defer m.Close()
		err = m.Look(ctx)
		switch {
		case errors.Is(err, store.ErrNoBucket):
			x.noBucket.Store(true)
			return warn(fmt.Sprintf("MinIO at %s accepts the keys, and there is no bucket %s yet: the run creates it, where the user may", x.Store.Endpoint, x.Store.Bucket),
				"create it and run doctor again, to know that objects can be written there")
		case err != nil:
			return failure(err, "start the server, or set MINIO_ENDPOINT to a running one")
		}
		return fine("an object was written to %s, read, compared and removed", m.Location(""))
	}}
}
