package torch

// #include "gnn.h"
import "C"

import "unsafe"

// ManualSeed seeds the generators of every device. It runs on the thread.
func ManualSeed(seed int64) { must("seeding", C.gnn_manual_seed(C.uint64_t(seed))) }

// RNGState is the state of the generator that operations on d draw from, such
// as dropout. What it holds is libtorch's own, and of that version.
func RNGState(d Device) []byte {
	s := NewScope()
	defer s.Close()
	var out C.gnn_tensor
	must("reading the random generator", C.gnn_rng_state(C.int32_t(d), &out))
	t := s.own(out)
	state := make([]byte, elements(t.Shape()))
	must("reading the random generator", C.gnn_tensor_read(handle(t), unsafe.Pointer(unsafe.SliceData(state)), C.int64_t(len(state))))
	return state
}

// SetRNGState puts the generator back to what RNGState gave.
func SetRNGState(d Device, state []byte) {
	must("restoring the random generator",
		C.gnn_rng_set_state(C.int32_t(d), (*C.uint8_t)(unsafe.SliceData(state)), C.int64_t(len(state))))
}
