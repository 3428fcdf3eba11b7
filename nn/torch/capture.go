package torch

// #include "gnn.h"
import "C"

// Capture is work that was recorded once and is replayed as a whole on a CUDA
// device: launching the operations of a small step one by one takes longer than
// the device needs for them.
type Capture struct {
	recorded *C.gnn_capture
}

// NewCapture records what record queues on the libtorch thread. It may neither
// read from the device nor give it host memory. The tensors that it makes hold
// the values of the last replay, as long as the capture is open; those that it
// only uses must be alive at each replay.
func NewCapture(d Device, record func()) *Capture {
	c := &Capture{}
	must("beginning a capture", C.gnn_capture_begin(C.int32_t(d), &c.recorded))
	defer func() {
		if p := recover(); p != nil {
			c.Close()
			panic(p)
		}
	}()
	record()
	must("ending a capture", C.gnn_capture_end(c.recorded))
	return c
}

// Replay queues the work. It waits where the device is far behind.
func (c *Capture) Replay() { must("replaying a capture", C.gnn_capture_replay(c.recorded)) }

// Close frees it. A second Close does nothing.
func (c *Capture) Close() {
	C.gnn_capture_free(c.recorded)
	c.recorded = nil
}

// NextBatch fills index [n] with the numbers of order from place * batch on. All
// are int64 on a CUDA device, and place is a scalar.
func NextBatch(order, place Tensor, batch int, index Tensor) {
	must("taking the next batch", C.gnn_next_batch(handle(order), handle(place), C.int64_t(batch), handle(index)))
}

// Advance raises place and step, int64 scalars on a CUDA device, by one.
func Advance(place, step Tensor) {
	must("counting a batch", C.gnn_advance(handle(place), handle(step)))
}
