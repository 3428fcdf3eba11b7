package job

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// openDevice starts the libtorch thread and picks the device that DEVICE asks
// for: auto takes CUDA where there is some and says why not otherwise.
func (r *run) openDevice() error {
	thread, err := torch.NewThread()
	if err != nil {
		return inputError(err)
	}
	r.thread = thread
	line := r.Log.Info()
	err = thread.Do(func() (err error) {
		r.device, err = PickDevice(r.Config.Train.Device, func(why string) { line = line.Str("why", why) })
		return err
	})
	if err != nil {
		thread.Close()
		return err
	}
	if device := r.device; device != torch.CPU {
		r.Metrics.SampleGPU(func() (metrics.GPU, bool) {
			m, err := torch.DeviceMemory(device)
			return metrics.GPU(m), err == nil
		})
	}
	line.Stringer("device", r.device).Str("libtorch", torch.Version()).Msg("device")
	return nil
}

// workOfThread is how many hidden values of a batch are worth a thread: with
// fewer, waking threads and waiting for them takes longer than they save. On
// the simulated market, whose batch has 41 thousand, two threads took 1.3 times
// as long as one.
const workOfThread = 1 << 16

// limitThreads leaves a small model to as few threads as pay.
func (r *run) limitThreads() error {
	if r.device != torch.CPU {
		return nil
	}
	c := r.Config
	snapshots := min(c.Train.BatchSize, r.dataset.Len())
	work := float64(snapshots) * float64(r.dataset.NumNodes()) * float64(c.Model.Hidden)
	return r.thread.Do(func() error {
		err := torch.LimitThreads(int(min(work/workOfThread, 4096)))
		r.Log.Info().Int("threads", torch.Threads()).Msg("threads for a batch")
		return err
	})
}

// PickDevice is the device that DEVICE=want asks for, on the libtorch thread,
// before anything else that libtorch does. log hears why auto takes the CPU.
func PickDevice(want string, log func(string)) (torch.Device, error) {
	if want == "cpu" {
		return torch.CPU, nil
	}
	devices, err := torch.LoadCUDA()
	if want == "auto" {
		if errors.Is(err, torch.ErrNoCUDA) {
			log("DEVICE=auto, and " + strings.TrimPrefix(err.Error(), "opening CUDA: "))
			return torch.CPU, nil
		}
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("DEVICE=%s: %w; set DEVICE=cpu, or run where an NVIDIA GPU and its driver are", want, err)
	}
	number := 0
	if _, text, ok := strings.Cut(want, ":"); ok {
		if number, err = strconv.Atoi(text); err != nil {
			return 0, inputError(fmt.Errorf("DEVICE=%s: %w", want, err))
		}
	}
	if number >= devices {
		return 0, inputError(fmt.Errorf("DEVICE=%s, but there are %d CUDA devices, counted from 0", want, devices))
	}
	return torch.Device(number), nil
}
