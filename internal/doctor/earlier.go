package doctor

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
)

// checkpoints finds what earlier starts of the same QUEUE_ID have left, and
// says what the run would do with it. wrong is the configuration's error.
func (x *checker) checkpoints(wrong error) check {
	c := check{name: "checkpoints"}
	switch {
	case wrong != nil:
		c.skip = "the configuration, which they are compared with, is wrong"
	case x.Train.Resume == config.ResumeNever:
		c.skip = "RESUME=never: the run trains anew"
	case x.Store.Endpoint != "":
		c.needs = minioName
	}
	c.run = func(ctx context.Context) finding {
		if x.noBucket.Load() {
			return fine("there is no bucket yet, and so nothing of QUEUE_ID=%s: the run starts from the beginning", x.IDs.QueueID)
		}
		e, err := job.InspectPrevious(ctx, x.Config)
		if err != nil {
			return failure(err, "check STORE_DIR, or the bucket")
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
		return warn(fmt.Sprintf("QUEUE_ID=%s has finished with the same settings, in %s: the run trains nothing, and re-emits its terminal event", queueID, e.Location),
			"ignore this where a pod is restarted; else set RESUME=never, or "+another)
	case e.Finished:
		return warn(fmt.Sprintf("QUEUE_ID=%s has finished with other settings, in %s: that result is replaced when this run is stored", queueID, e.Location),
			another+" to keep it")
	case !e.Checkpoint && e.Torn > 0:
		return warn(fmt.Sprintf("all %d checkpoints in %s are damaged: the run starts from the beginning", e.Torn, e.Location), "check the disk, or continue without them")
	case !e.Checkpoint:
		return fine("%s has no checkpoint of QUEUE_ID=%s: the run starts from the beginning", e.Location, queueID)
	}
	torn := ""
	if e.Torn > 0 {
		torn = fmt.Sprintf(", the newest intact one (%d are damaged)", e.Torn)
	}
	fold := ""
	if e.Fold > 0 {
		fold = fmt.Sprintf(" of fold %d", e.Fold)
	}
	return fine("the run resumes from the checkpoint after epoch %d%s in %s%s, if the data are the same", e.Epochs, fold, e.Location, torn)
}
