package doctor

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// finding is what a check came to.
type finding struct {
	status        Status
	message, mend string
	retry         bool // of a failure: it may go away by itself
}

func fine(format string, a ...any) finding {
	return finding{status: OK, message: fmt.Sprintf(format, a...)}
}

func skipped(why string) finding { return finding{status: Skipped, message: why} }

func warn(message, mend string) finding {
	return finding{status: Warning, message: message, mend: mend}
}

// fail is a failure that the user must mend.
func fail(message, mend string) finding {
	return finding{status: Failed, message: message, mend: mend}
}

// maybe is a failure that may go away by itself.
func maybe(message, mend string) finding {
	return finding{status: Failed, message: message, mend: mend, retry: true}
}

// failure is the finding of an error of the packages that a run uses. Most end
// in how to mend them; mend is for those that do not.
func failure(err error, mend string) finding {
	message, own := divide(err.Error())
	if own != "" {
		mend = own
	}
	f := fail(message, mend)
	f.retry = job.ExitCode(err) == job.ExitFailure
	return f
}

// because adds to an error that its time was up why it did not end before.
func because(err error, why string) error {
	var late errLate
	if why == "" || !errors.As(err, &late) {
		return err
	}
	return fmt.Errorf("%w; %s", err, why)
}

// kinds are words of the errors that say of what kind they are, for programs.
var kinds = strings.NewReplacer(
	data.ErrInput.Error()+": refused: ", "", data.ErrInput.Error()+": ", "",
	kafka.ErrRefused.Error()+": ", "", store.ErrUnusable.Error()+": ", "",
)

// The project's errors tell what to do behind their last colon or semicolon, or in brackets
// at their end, in the imperative.
var (
	bracketed  = regexp.MustCompile(`(?s)^(.*) \([^()]*: ((?:set|free|move|give) [^()]*)\)$`)
	imperative = regexp.MustCompile(`(?s)^(.*)[:;] ((?:set|unset|look at|give|use the|make|create|correct|grant|mend|remove|choose|add|write|lower|wait|load more|whoever runs|name) .*)$`)
)

// divide cuts the sentence of an error into what was found and how to mend it;
// "" where it does not tell that.
func divide(sentence string) (found, mend string) {
	sentence = kinds.Replace(sentence)
	for _, form := range []*regexp.Regexp{bracketed, imperative} {
		if m := form.FindStringSubmatch(sentence); m != nil {
			return m[1], m[2]
		}
	}
	return sentence, ""
}
