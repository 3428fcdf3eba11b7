package job

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/memory"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// machine is what memory there is.
func (j *Job) machine() memory.Machine {
	if j.Machine != nil {
		return *j.Machine
	}
	return memory.MachineOf(os.DirFS("/"))
}

// checkPlan rejects a run that cannot fit into the memory as its configuration
// alone tells: before hours of loading, not after.
func (j *Job) checkPlan(device torch.Device) error {
	size, known := memory.Planned(j.Config, time.Now())
	if !known {
		return nil
	}
	return j.checkMemory(size, device, false)
}

// checkData rejects a run that cannot fit into the memory: the system would end
// it without a terminal event. It warns of one that hardly fits.
func (j *Job) checkData(d *data.Dataset, device torch.Device) error {
	if d.Timeless() && j.Config.Model.NodeEmbedding > 0 {
		return fault.Input("NODE_EMBEDDING learns a vector of each symbol from all its bars, and this graph has no time: its tested nodes are not trained on").At("NODE_EMBEDDING").Fix("set NODE_EMBEDDING=0")
	}
	return j.checkMemory(sizeOf(d), device, true)
}

// sizeOf is the size of loaded data.
func sizeOf(d *data.Dataset) memory.Size {
	nodes, snapshots := int64(d.NumNodes()), int64(d.Panel.Len())
	s := memory.Size{
		Nodes: nodes, Snapshots: snapshots, Rows: nodes * snapshots, Train: int64(len(d.Snapshots(data.Train))),
		Features: d.NumFeatures(), Signals: len(d.Signals()), Horizons: d.Targets.NumHorizons(), Folds: d.NumFolds(), Static: d.Timeless(),
	}
	if pairs := float64(nodes*(nodes-1)) * float64(snapshots); !math.IsNaN(d.Density) {
		s.Edges = int64(d.Density * pairs * float64(max(1, len(d.EdgeTypes))))
	}
	s.Held = d.HeldEdges()
	return s
}

func (j *Job) checkMemory(s memory.Size, device torch.Device, log bool) error {
	settings, machine := memory.SettingsOf(j.Config), j.machine()
	settings.CUDA = device != torch.CPU
	estimate := memory.Of(s, settings)
	of := fmt.Sprintf("%d nodes x %d snapshots, %d edges", s.Nodes, s.Snapshots, s.Edges)
	if s.Static {
		of = fmt.Sprintf("%d nodes, %d edges", s.Nodes, s.Edges)
	}
	if log {
		j.Log.Info().Int64("bytes", estimate.Host()).Int64("device_bytes", estimate.Device).Int64("limit", machine.Most()).Msg("memory estimated")
	}
	level, message := memory.Judge(estimate.Host(), of, machine)
	has, _ := machine.Has()
	if err := j.memoryError(level, message, memory.Remedy(s, settings, min(has, machine.Most()), memory.Estimate.Host), log); err != nil || !settings.CUDA {
		return err
	}
	total, err := torch.DeviceTotal(device)
	if err != nil { // libtorch reports what does not fit
		j.Log.Warn().Err(err).Msg("the memory of the GPU is not compared with the estimate")
		return nil
	}
	level, message = memory.JudgeDevice(estimate.Device, of, device.String(), total)
	return j.memoryError(level, message, memory.Remedy(s, settings, total, func(e memory.Estimate) int64 { return e.Device }), log)
}

// memoryError is the error of what cannot fit, or logs a warning.
func (j *Job) memoryError(level memory.Level, message, remedy string, log bool) error {
	switch {
	case level == memory.TooMuch:
		return fault.Input("%s", message).Fix("%s", remedy)
	case level == memory.Scarce && log:
		j.Log.Warn().Msg(message + ": " + remedy)
	}
	return nil
}
