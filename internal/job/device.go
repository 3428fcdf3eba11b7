package job

import (
	"errors"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// openDevice starts the libtorch thread and picks the device of DEVICE=want:
// auto takes CUDA where there is one, and logs why not otherwise.
func openDevice(want string, m *metrics.Metrics, log zerolog.Logger) (*torch.Thread, torch.Device, error) {
	thread, err := torch.NewThread()
	if err != nil {
		return nil, 0, fault.Input("%w", err)
	}
	line := log.Info()
	var device torch.Device
	err = thread.Do(func() (err error) {
		device, err = PickDevice(want, func(why string) { line = line.Str("why", why) })
		return err
	})
	if err != nil {
		thread.Close()
		return nil, 0, err
	}
	if device != torch.CPU {
		m.SampleGPU(func() (metrics.GPU, bool) {
			memory, err := torch.DeviceMemory(device)
			return metrics.GPU(memory), err == nil
		})
	}
	line.Stringer("device", device).Str("libtorch", torch.Version()).Msg("device")
	return thread, device, nil
}

// workOfThread is how many hidden values of a batch are worth a thread: with
// fewer, waking threads and waiting for them takes longer than they save. On
// the simulated market, whose batch has 41 thousand, two threads took 1.3 times
// as long as one.
const workOfThread = 1 << 16

// limitThreads gives a small model on the CPU as few threads as pay. A batch
// has so many hidden values.
func limitThreads(thread *torch.Thread, values float64, log zerolog.Logger) error {
	return thread.Do(func() error {
		err := torch.LimitThreads(int(min(values/workOfThread, 4096)))
		log.Info().Int("threads", torch.Threads()).Msg("threads for a batch")
		return err
	})
}

// PickDevice is the device that DEVICE=want asks for, on the libtorch thread,
// before anything else that libtorch does. log is given why auto takes the CPU.
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
		return 0, fault.Rejected("DEVICE=%s: %w", want, err).Fix("set DEVICE=cpu, or run where an NVIDIA GPU and its driver are")
	}
	number := 0
	if _, text, ok := strings.Cut(want, ":"); ok {
		if number, err = strconv.Atoi(text); err != nil {
			return 0, fault.Input("DEVICE=%s: %w", want, err).Fix("set auto, cpu, cuda or cuda:N")
		}
	}
	if number >= devices {
		return 0, fault.Input("DEVICE=%s, but there are %d CUDA devices, counted from 0", want, devices).Fix("set DEVICE to one of them, or to auto")
	}
	return torch.Device(number), nil
}
