package pyg

import (
	"fmt"
	"slices"
	"strings"
)

// Foreign values that a pickle names by more than a class.
var (
	wideInteger = global{"", "integer of more than 64 bits"}
	pyBytes     = global{"", "bytes"}
	lazyTensor  = global{"torch", "Tensor that is negated or conjugated only when it is read"}
	otherTensor = global{"torch", "Tensor of a dtype that is not read"}
	sparse      = global{"torch", "sparse Tensor"}
	quantised   = global{"torch", "quantised Tensor"}
	plainTensor = global{"torch", "Tensor"}
	fromType    = global{"torch._tensor", "_rebuild_from_type_v2"}
)

// foreign tells whether an object is of a class that nothing here knows.
func (o *object) foreign() bool { return allowed[o.class] == 0 }

// result is what calling a foreign object makes. PyG's Batch is made so, of the
// classes Batch and Data.
func (o *object) result(args tuple) *object {
	if len(args) > 0 {
		if g, ok := args[0].(global); ok {
			return &object{class: g, args: args}
		}
	}
	return &object{class: o.class, args: args}
}

// foreignResult is what a function that is not known makes of args: an object of
// the class that stands behind the function's name, as far as that is known.
func foreignResult(function global, args tuple) *object {
	class, tensor := function, false
	argument := func(i int) {
		if i < len(args) {
			if g, ok := args[i].(global); ok {
				class = g
			}
		}
	}
	switch name := function.name; {
	case function == fromType: // (function, type, ...)
		tensor = true
		argument(1)
	case function.module == "torch._utils":
		tensor = true
		switch {
		case strings.HasPrefix(name, "_rebuild_parameter"):
			class = global{"torch.nn", "Parameter"}
		case strings.HasPrefix(name, "_rebuild_sparse"):
			class = sparse
		case name == "_rebuild_qtensor":
			class = quantised
		case name == "_rebuild_wrapper_subclass":
			argument(0)
		case strings.HasPrefix(name, "_rebuild"):
			class = otherTensor
		}
	case strings.HasPrefix(function.module, "numpy") && name == "_frombuffer": // protocol 5
		class = global{"numpy", "ndarray"}
	case strings.HasPrefix(function.module, "numpy") && name == "scalar":
		class = global{"numpy", "generic"}
	case strings.HasSuffix(name, "_reconstruct"), strings.HasSuffix(name, "_reconstructor"), strings.HasPrefix(name, "__newobj"),
		strings.HasPrefix(name, "__pyx_unpickle"), name == "_new_Index":
		argument(0) // of NumPy, copyreg, Cython and pandas
	case name == "_unpickle_timestamp":
		class = global{"pandas", "Timestamp"}
	case function.module == "_codecs":
		class = pyBytes
	}
	return &object{class: class, args: args, tensor: tensor}
}

// String is a class by the name that people import it by.
func (g global) String() string {
	if g.module == "" {
		return g.name
	}
	module := g.module
	switch top, _, _ := strings.Cut(module, "."); top {
	case "numpy", "pandas", "torch_sparse", "networkx", "dgl":
		module = top
	case "torch_geometric":
		if g.name == "EdgeIndex" || g.name == "Index" {
			module = top
		} else if strings.HasPrefix(module, "torch_geometric.data.") {
			module = "torch_geometric.data"
		}
	}
	return fmt.Sprintf("%.80s.%.80s", module, g.name)
}

func isTensor(v any) bool {
	_, ok := v.(*tensorRef)
	return ok
}

// tensorOf is how a plain tensor is made of the value v, which an attribute of
// that name holds: an expression of Python.
func tensorOf(name string, v any) string {
	format := "torch.as_tensor(%s)"
	switch v := v.(type) {
	case *pyList, tuple:
		items, _ := listItems(v)
		format = "torch.tensor(%s)"
		if slices.ContainsFunc(items, isTensor) {
			format = "torch.stack(%s)"
		} else if slices.Contains(items, nil) && name == "y" {
			format = "torch.tensor([-100 if v is None else v for v in %s])"
		}
	case *object:
		top, _, _ := strings.Cut(v.class.module, ".")
		switch {
		case v.class.name == "Parameter":
			format = "%s.detach()"
		case top == "torch_geometric" && (v.class.name == "EdgeIndex" || v.class.name == "Index"):
			format = "%s.as_tensor()"
		case v.class.name == "ndarray":
			format = "torch.from_numpy(%s)"
		case top == "pandas" && v.class.name != "Timestamp":
			format = "torch.tensor(%s.values)"
		case top == "datetime" || v.class.name == "Timestamp":
			format = "torch.tensor([int(%s.timestamp() * 1000)])"
		case v.class == sparse || v.class.name == "SparseTensor":
			format = "%s.to_dense()"
		case v.class == quantised:
			format = "%s.dequantize()"
		case v.class == lazyTensor:
			format = "%s.resolve_neg().resolve_conj()"
		case v.class == otherTensor && (name == "x" || strings.HasPrefix(name, "edge_weight") || name == "edge_attr" || name == "ret"):
			format = "%s.float()"
		case v.class == otherTensor:
			format = "%s.long()"
		case v.tensor:
			format = "%s.as_subclass(torch.Tensor)"
		}
	}
	return fmt.Sprintf(format, name)
}
