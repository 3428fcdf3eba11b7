package torch

import (
	"errors"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

func TestALimitBelowTheNeedIsPermanentAndOneThatOthersUseUpIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		of        limits
		permanent bool
		says      []string
	}{
		"a container too small":      {limits{container: 30}, true, []string{"pids.max is 30"}},
		"a container that is shared": {limits{container: 31}, false, []string{"pids.max is 31"}},
		"a user who may start few":   {limits{user: 22, container: 1000}, true, []string{"ulimit -u is 22", "pids.max is 1000"}},
		"a user with many processes": {limits{user: 4096}, false, []string{"ulimit -u is 4096"}},
		"a limit that is not seen":   {limits{}, false, nil},
	} {
		err := threadLimit(8, 23, 7, c.of)
		if fault.Permanent(err) != c.permanent || !c.permanent && !errors.Is(err, fault.ErrTransient) {
			t.Errorf("%s: %v is %v", name, err, fault.KindOf(err))
		}
		for _, words := range append(c.says, "start 7 threads beside the 8 that it has, and it needs 23", "raise the limit of processes") {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %q does not say %q", name, err, words)
			}
		}
	}
}
