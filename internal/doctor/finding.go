package doctor

import (
	"errors"
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// finding is the result of a check.
type finding struct {
	status          Status
	message, remedy string
	transient       bool // of a failure: it may go away by itself
}

func fine(format string, a ...any) finding {
	return finding{status: OK, message: fmt.Sprintf(format, a...)}
}

// badConfiguration is why a check is skipped whose variables are wrong.
const badConfiguration = "its configuration is wrong"

func skipped(why string) finding { return finding{status: Skipped, message: why} }

func warn(message, remedy string) finding {
	return finding{status: Warning, message: message, remedy: remedy}
}

// fail is a failure that the user must fix.
func fail(message, remedy string) finding {
	return finding{status: Failed, message: message, remedy: remedy}
}

// transient is a failure that may go away by itself.
func transient(message, remedy string) finding {
	return finding{status: Failed, message: message, remedy: remedy, transient: true}
}

// failure is the finding of an error of the packages that a run uses. remedy is
// for those that have none of their own.
func failure(err error, remedy string) finding {
	f := fault.Of(err)
	if f.Remedy != "" {
		remedy = f.Remedy
	}
	return finding{status: Failed, message: f.Found(), remedy: remedy, transient: !f.Kind.Permanent()}
}

// because adds to an error that its time was up why it did not end before.
func because(err error, why string) error {
	var late errLate
	if why == "" || !errors.As(err, &late) {
		return err
	}
	return fmt.Errorf("%w; %s", err, why)
}
