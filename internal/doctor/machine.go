package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/baseline"
	"github.com/streamforge/gnn-trainer/internal/cgroup"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/memory"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// Names of the checks that others wait for.
const (
	deviceName  = "device"
	binanceName = "binance"
	arangoName  = "arangodb"
	filesName   = "files"
	kafkaName   = "kafka"
	minioName   = "minio"
)

// configuration reports all wrong variables.
func (x *checker) configuration(wrong error) check {
	return check{name: "configuration", run: func(context.Context) finding {
		if wrong != nil {
			return failure(wrong, "fix these variables: gnn-trainer env prints the table of all")
		}
		events, artefacts := map[string]string{kafka.EventsAuto: "stdout unless it is a terminal", kafka.EventsStdout: "stdout", kafka.EventsNone: "nowhere"}[x.Kafka.Events], "STORE_DIR"
		if x.Kafka.BootstrapServers != "" {
			events = "Kafka"
		}
		if x.Store.Endpoint != "" {
			artefacts = "MinIO"
		}
		if len(x.misspelt) > 0 {
			return warn(strings.Join(x.misspelt, "; "), "correct the name, or unset it if it is another program's")
		}
		return fine("QUEUE_ID=%s, SYMBOL=%s: data from %s, events to %s, artefacts to %s", x.IDs.QueueID, x.IDs.Symbol, x.Source.Source, events, artefacts)
	}}
}

// libtorch compares the library that is loaded with the one the program was
// built for. It comes after the device, since a look at the version ends the
// chance to load CUDA.
func (x *checker) libtorch() check {
	return check{name: "libtorch", after: []string{deviceName}, run: func(context.Context) finding {
		loaded, err := torch.LoadedVersion()
		if err != nil {
			return failure(err, "rebuild the program (make build)")
		}
		return judgeLibtorch(loaded, torch.Version())
	}}
}

func judgeLibtorch(loaded, built string) finding {
	if loaded != built {
		return fail(fmt.Sprintf("libtorch %s is loaded, and the program was built for %s", loaded, built),
			"set LD_LIBRARY_PATH and build/torch to libtorch "+built+", or rebuild the program (make build)")
	}
	return fine("%s, which the program was built for", loaded)
}

// lightGBM is the library of a baseline, which a run does without unless it is
// asked for by name.
func (x *checker) lightGBM() check {
	skip := ""
	if !x.Train.Baselines.Has(baseline.LightGBM) {
		skip = "BASELINES has no lightgbm"
	}
	return check{name: "lightgbm", skip: skip, run: func(context.Context) finding {
		var why error
		_, err := job.OpenLightGBM(x.Train, func(missing error) { why = missing })
		switch {
		case err != nil:
			return failure(err, "leave lightgbm out of BASELINES")
		case why != nil:
			return skipped("the run leaves this baseline out: " + why.Error())
		}
		return fine("the library of the baseline lightgbm opens")
	}}
}

// device is where tensors will live.
func (x *checker) device() check {
	return check{name: deviceName, run: func(context.Context) finding {
		thread, err := torch.NewThread()
		if err != nil {
			return failure(err, "check the limits of this process")
		}
		defer thread.Close()
		var device torch.Device
		var fallback error
		err = thread.Do(func() (err error) {
			device, err = job.PickDevice(x.Train.Device, func(why error) { fallback = why })
			return err
		})
		if err != nil {
			return failure(err, "set DEVICE=cpu, or run where an NVIDIA GPU and its driver are")
		}
		if device != torch.CPU {
			x.gpu.Store(&device)
		}
		switch {
		case errors.Is(fallback, torch.ErrUnusableCUDA):
			return warn(fmt.Sprintf("%v: %v", device, fallback), "make the GPU usable, or set DEVICE=cpu")
		case fallback != nil:
			return fine("%v: %v", device, fallback)
		}
		return fine("%v", device)
	}}
}

// cpu compares the number of threads with the CPUs there are.
func (x *checker) cpu() check {
	return check{name: "cpu", run: func(context.Context) finding {
		threads, chosen, err := torch.WantedThreads()
		if err != nil {
			return failure(err, "check OMP_NUM_THREADS")
		}
		return judgeCPU(threads, chosen, cgroup.Of(os.DirFS("/")).CPUs, runtime.NumCPU())
	}}
}

// judgeCPU: limit is the container's, 0 for none.
func judgeCPU(threads int, chosen bool, limit float64, cpus int) finding {
	by := "the number of CPUs that it may use"
	if chosen {
		by = "OMP_NUM_THREADS"
	}
	has, of := float64(cpus), "this machine has"
	if limit > 0 && limit < has {
		has, of = limit, "the container may use"
	}
	message := fmt.Sprintf("%d threads (%s), and %s %.3g CPUs", threads, by, of, has)
	if float64(threads) > math.Ceil(has) {
		return warn(message+", so threads will compete", fmt.Sprintf("set OMP_NUM_THREADS=%.0f, or give the container more CPUs", math.Ceil(has)))
	}
	return finding{status: OK, message: message}
}

// sources are the checks that find how large the run will be.
var sources = []string{binanceName, arangoName, filesName}

// memory compares what the run will need with what there is, as the run does.
func (x *checker) memory() check {
	return check{name: "memory", after: append(slices.Clone(sources), deviceName), run: func(context.Context) finding {
		machine := memory.MachineOf(os.DirFS("/"))
		s, known := x.plan.size()
		if !known {
			has, whose := machine.Has()
			return fine("%s %s; what the run needs is known only once the data are read", memory.Text(has), whose)
		}
		size := memory.PlannedOf(x.Config, s.nodes, s.bars, s.cells, s.edges)
		settings, device := memory.SettingsOf(x.Config), x.gpu.Load()
		settings.CUDA = device != nil
		found := judgeMemory(size, settings, s.String(), machine)
		if device == nil || found.status == Failed {
			return found
		}
		total, err := torch.DeviceTotal(*device)
		if err != nil {
			return found
		}
		if gpu := judgeDeviceMemory(size, settings, s.String(), device.String(), total); gpu.status != OK {
			return gpu
		}
		return found
	}}
}

func judgeMemory(s memory.Size, c memory.Settings, of string, m memory.Machine) finding {
	level, message := memory.Judge(memory.Of(s, c).Host(), of, m)
	switch level {
	case memory.TooMuch:
		return fail(message, memory.Remedy(s, c, m.Most(), memory.Estimate.Host))
	case memory.Scarce:
		has, _ := m.Has()
		return warn(message, memory.Remedy(s, c, has, memory.Estimate.Host))
	}
	return finding{status: OK, message: message}
}

func judgeDeviceMemory(s memory.Size, c memory.Settings, of, device string, total int64) finding {
	part := func(e memory.Estimate) int64 { return e.Device }
	level, message := memory.JudgeDevice(part(memory.Of(s, c)), of, device, total)
	switch level {
	case memory.TooMuch:
		return fail(message, memory.Remedy(s, c, total, part))
	case memory.Scarce:
		return warn(message, memory.Remedy(s, c, total, part))
	}
	return finding{status: OK, message: message}
}

// folders are the checks of those that are written to.
func (x *checker) folders() []check {
	of := func(name, variable, dir, unused string, need func(size) int64) check {
		return check{name: name, skip: unused, after: sources, run: func(context.Context) finding {
			free, err := store.Writable(dir, variable)
			if err != nil {
				f := failure(err, "set "+variable+" to a folder that can be written")
				if variable == "WORK_DIR" { // the folders in it may be, where they are there
					f.status = Warning
				}
				return f
			}
			s, known := x.plan.size()
			if !known {
				return judgeSpace(dir, variable, free, 0)
			}
			return judgeSpace(dir, variable, free, need(s))
		}}
	}
	noCache := ""
	if x.Source.Source != source.Binance {
		noCache = fmt.Sprintf("DATA_SOURCE=%s has no cache", x.Source.Source)
	}
	noWork := "WORK_DIR is not used: STORE_DIR is absolute"
	if !filepath.IsAbs(x.Store.Dir) || noCache == "" && !filepath.IsAbs(x.Source.Binance.CacheDir) {
		noWork = ""
	}
	return []check{
		of("work-folder", "WORK_DIR", x.Paths.WorkDir, noWork, func(size) int64 { return 0 }),
		of("store-folder", "STORE_DIR", job.StoreDir(x.Config), "", x.plan.disk),
		of("cache-folder", "CACHE_DIR", job.Cached(x.Config).Binance.CacheDir, noCache, x.plan.cache),
	}
}

// judgeSpace: need is 0 where it is not known, or nothing.
func judgeSpace(dir, variable string, free, need int64) finding {
	message := fmt.Sprintf("%s=%s can be written, and %s are free", variable, dir, memory.Text(free))
	if need > 0 {
		message += fmt.Sprintf(" for about %s", memory.Text(need))
	}
	remedy := "free some space or set " + variable + " to another disk"
	switch {
	case free < need:
		return transient(message, remedy)
	case free/2 < need:
		return warn(message, remedy)
	}
	return finding{status: OK, message: message}
}

// metrics takes the address that the run would serve its metrics on, and gives
// it back.
func (x *checker) metrics() check {
	skip := ""
	if x.Metrics.Addr == "" {
		skip = "METRICS_ADDR is not set: the run serves no metrics"
	}
	return check{name: "metrics", skip: skip, run: func(ctx context.Context) finding {
		l, err := metrics.Listen(ctx, x.Metrics.Addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return warn(fmt.Sprintf("METRICS_ADDR is %q, and another process has the port", x.Metrics.Addr),
				"ignore this beside a run under way; else set another port")
		case err != nil:
			f := failure(err, "set host:port, such as :8080, or unset METRICS_ADDR")
			f.transient = false // as the run ends
			return f
		}
		if err := l.Close(); err != nil {
			return failure(err, "check METRICS_ADDR")
		}
		return fine("METRICS_ADDR=%s can be listened on", x.Metrics.Addr)
	}}
}
