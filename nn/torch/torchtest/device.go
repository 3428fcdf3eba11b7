// Package torchtest is for tests that compute on libtorch: on the CPU, or on the
// device that GNN_TEST_DEVICE names, such as cuda (make gpu-check).
package torchtest

import (
	"os"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Device is what the thread computes on.
func Device(t testing.TB, thread *torch.Thread) torch.Device {
	t.Helper()
	switch name := os.Getenv("GNN_TEST_DEVICE"); name {
	case "", "cpu":
		return torch.CPU
	case "cuda":
		err := thread.Do(func() error {
			if _, err := torch.LoadCUDA(); err != nil {
				return err
			}
			torch.UseDevice(0)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return 0
	default:
		t.Fatalf("GNN_TEST_DEVICE is %q: set cpu or cuda", name)
		return 0
	}
}

// CUDA is Device where that is a CUDA device; elsewhere the test is skipped.
func CUDA(t testing.TB, thread *torch.Thread) torch.Device {
	t.Helper()
	d := Device(t, thread)
	if d == torch.CPU {
		t.Skip("it compares a CUDA device with the CPU: `make gpu-check` runs it where there is one")
	}
	return d
}
