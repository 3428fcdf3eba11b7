package torch

// #include <stdlib.h>
// #include "gnn.h"
import "C"

import "unsafe"

// Module is a TorchScript module: built here from parameters and source text
// to be saved, or loaded to be run.
type Module struct {
	module *C.gnn_module
}

// NewModule is an empty module of the given class name.
func NewModule(name string) *Module {
	m := &Module{}
	withString(name, func(c *C.char) { must("making a module", C.gnn_module_new(c, &m.module)) })
	return m
}

// Parameter adds a copy of t, on the CPU, under a name without dots.
func (m *Module) Parameter(name string, t Tensor) {
	withString(name, func(c *C.char) { must("exporting "+name, C.gnn_module_parameter(m.module, c, handle(t))) })
}

// Buffer is Parameter for what is not learned.
func (m *Module) Buffer(name string, t Tensor) {
	withString(name, func(c *C.char) { must("exporting "+name, C.gnn_module_buffer(m.module, c, handle(t))) })
}

// Child adds a submodule, which the parent then shares.
func (m *Module) Child(name string, child *Module) {
	withString(name, func(c *C.char) { must("exporting "+name, C.gnn_module_child(m.module, c, child.module)) })
}

// Define compiles TorchScript methods, a Python subset. A submodule is called
// as self.name.forward(...).
func (m *Module) Define(source string) {
	withString(source, func(c *C.char) { must("compiling TorchScript", C.gnn_module_define(m.module, c)) })
}

// Save gives the file that torch.jit.load reads, with one extra file inside.
func (m *Module) Save(extraName string, extra []byte) []byte {
	var bytes *C.char
	var size C.int64_t
	withString(extraName, func(c *C.char) {
		must("saving TorchScript", C.gnn_module_save(m.module, c, (*C.char)(unsafe.Pointer(unsafe.SliceData(extra))), C.int64_t(len(extra)), &bytes, &size))
	})
	defer C.gnn_bytes_free(bytes)
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(bytes)), int(size))...)
}

// LoadModule opens what Save gave, in evaluation mode.
func LoadModule(file []byte) *Module {
	m := &Module{}
	must("loading TorchScript", C.gnn_module_load((*C.char)(unsafe.Pointer(unsafe.SliceData(file))), C.int64_t(len(file)), &m.module))
	return m
}

// Forward runs forward(x, edge_index, edge_weight); the zero Tensor is None.
func (s *Scope) Forward(m *Module, x, edgeIndex, edgeWeight Tensor) Tensor {
	var out C.gnn_tensor
	must("running TorchScript", C.gnn_module_forward(m.module, handle(x), handle(edgeIndex), handle(edgeWeight), &out))
	return s.own(out)
}

// Close frees the module. A second Close does nothing.
func (m *Module) Close() {
	C.gnn_module_free(m.module)
	m.module = nil
}

func withString(text string, f func(*C.char)) {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	f(c)
}
