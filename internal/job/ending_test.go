package job

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestAWantOfMemorySaysWhatToLowerAndIsWorthARetry(t *testing.T) {
	if err := withOOMHint(nil); err != nil {
		t.Error(err)
	}
	other := errors.New("no space left on device")
	if err := withOOMHint(other); err != other {
		t.Error(err)
	}
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	err = thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		s.Uniform(0, 1, 1<<40, 1<<10)
		return nil
	})
	err = withOOMHint(fmt.Errorf("training: %w", err))
	if !errors.Is(err, torch.ErrOutOfMemory) || !strings.Contains(err.Error(), "lower BATCH_SIZE or HIDDEN") || ExitCode(err) != ExitFailure {
		t.Errorf("%v, exit code %d", err, ExitCode(err))
	}
}
