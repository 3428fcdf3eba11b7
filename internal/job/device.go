package job

import (
	"errors"
	"fmt"
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
		return nil, 0, err
	}
	line := log.Info()
	var device torch.Device
	err = thread.Do(func() (err error) {
		device, err = PickDevice(want, func(why error) {
			line = line.Str("why", why.Error())
			if errors.Is(why, torch.ErrUnusableCUDA) {
				log.Warn().Msg("training on the CPU, although this machine has an NVIDIA driver: " + why.Error() + "; fix that, or set DEVICE=cpu")
			}
		})
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
	line.Stringer("device", device).Str("libtorch", torch.Version()).Msg("device selected")
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
		log.Info().Int("threads", torch.Threads()).Msg("threads per batch")
		return err
	})
}

// PickDevice is the device that DEVICE=want asks for, on the libtorch thread,
// before anything else that libtorch does. fallback is called with the reason
// where auto takes the CPU: a torch.ErrUnusableCUDA deserves a warning, since a
// run on the CPU ends in the same model, but may take many times as long. It is
// no error, so that a first run works on a desktop with an old driver; who must
// have the GPU sets DEVICE=cuda.
func PickDevice(want string, fallback func(why error)) (torch.Device, error) {
	if want == "cpu" {
		return torch.CPU, nil
	}
	devices, err := torch.LoadCUDA()
	if want == "auto" {
		if errors.Is(err, torch.ErrNoCUDA) {
			fallback(fmt.Errorf("DEVICE=auto: %w", err))
			return torch.CPU, nil
		}
		if err == nil {
			torch.UseDevice(0)
		}
		return 0, err
	}
	if errors.Is(err, torch.ErrUnusableCUDA) {
		return 0, fault.Rejected("DEVICE=%s: %w", want, err).Fix("fix that, or set DEVICE=cpu")
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
	torch.UseDevice(torch.Device(number))
	return torch.Device(number), nil
}
