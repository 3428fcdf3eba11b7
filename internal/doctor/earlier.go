package doctor

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
)

// checkpoints looks for what earlier starts of the same QUEUE_ID have left, and
// says what the run would make of it. wrong is the configuration's error.
func (x *examination) checkpoints(wrong error) check {
	c := check{name: "checkpoints"}
	switch {
	case wrong != nil:
		c.skip = "the configuration is wrong, and what is there is compared with it"
	case x.Train.Resume == config.ResumeNever:
		c.skip = "RESUME=never: the run trains anew, whatever is there"
	case x.Store.Endpoint != "":
		c.needs = minioName
	}
	c.run = func(ctx context.Context) finding {
		if x.noBucket.Load() {
			return fine("nothing of QUEUE_ID=%s is there, since there is no bucket yet: the run begins", x.IDs.QueueID)
		}
		e, err := job.InspectPrevious(ctx, x.Config)
		if err != nil {
			return failure(err, "look at STORE_DIR, or at the bucket")
		}
		return judgeEarlier(e, x.IDs.QueueID)
	}
	return c
}

// judgeEarlier says what a run makes of what was found.
func judgeEarlier(e job.Previous, queueID string) finding {
	const another = "give the run another QUEUE_ID"
	switch {
	case e.Same:
		return warn(fmt.Sprintf("QUEUE_ID=%s has finished with the same settings, in %s: the run trains nothing, and tells its end again", queueID, e.Location),
			"that is as it should be where a pod is started again; else set RESUME=never, or "+another)
	case e.Finished:
		return warn(fmt.Sprintf("QUEUE_ID=%s has finished with other settings, in %s: that result is replaced when this run is stored", queueID, e.Location),
			another+" to keep it")
	case !e.Checkpoint && e.Torn > 0:
		return warn(fmt.Sprintf("all %d checkpoints in %s are torn: the run begins anew", e.Torn, e.Location), "look at the disk; or go on without them")
	case !e.Checkpoint:
		return fine("%s has no checkpoint of QUEUE_ID=%s: the run begins", e.Location, queueID)
	}
	torn := ""
	if e.Torn > 0 {
		torn = fmt.Sprintf(", the newest that is whole, and %d are torn", e.Torn)
	}
	return fine("the run goes on from the checkpoint after epoch %d in %s%s, if the data are the same", e.Epochs, e.Location, torn)
}
