package pyg

// role is what a pickle may do with a global.
type role int

const (
	isClass   role = iota + 1 // make an instance and set its state
	isEnum                    // name a member by its value
	isGetattr                 // name a member of an enum, as Python 3.11.0 to 3.11.3 pickle one
	isDict                    // make an empty dict
	isSet                     // make a set of a list
	isSize                    // make a torch.Size of a tuple
	isRebuild                 // make a tensor
	isStorage                 // be the type of a storage
)

// allowed are the globals of what torch.save writes for plain tensors and for
// a PyG Data, by the names that PyG 2.8 writes. None of them is ever called,
// and all others make values that nothing here reads.
var allowed = func() map[global]role {
	const data, storage = "torch_geometric.data.data", "torch_geometric.data.storage"
	const features, graphs = "torch_geometric.data.feature_store", "torch_geometric.data.graph_store"
	roles := map[global]role{
		{"torch._utils", "_rebuild_tensor_v2"}: isRebuild,
		{"torch", "Size"}:                      isSize,
		{"collections", "OrderedDict"}:         isDict,
		{"collections", "defaultdict"}:         isDict,
		{"builtins", "set"}:                    isSet,
		{"__builtin__", "set"}:                 isSet, // its name in protocol 2
		{"builtins", "getattr"}:                isGetattr,
		{"__builtin__", "getattr"}:             isGetattr,
		{data, "Data"}:                         isClass,
		{data, "DataEdgeAttr"}:                 isClass,
		{data, "DataTensorAttr"}:               isClass,
		{storage, "BaseStorage"}:               isClass,
		{storage, "NodeStorage"}:               isClass,
		{storage, "EdgeStorage"}:               isClass,
		{storage, "GlobalStorage"}:             isClass,
		{storage, "AttrType"}:                  isEnum,
		{features, "TensorAttr"}:               isClass,
		{features, "_FieldStatus"}:             isEnum,
		{graphs, "EdgeAttr"}:                   isClass,
		{graphs, "EdgeLayout"}:                 isEnum,
	}
	for name := range dtypes {
		roles[global{"torch", name}] = isStorage
	}
	return roles
}()

// commands are the globals by which a pickle makes Python run what it likes, a
// module's or, after a dot, one name's.
var commands = map[string]bool{
	"os": true, "posix": true, "nt": true, "subprocess": true, "pty": true, "runpy": true, "importlib": true, "ctypes": true,
	"socket": true, "shutil": true, "webbrowser": true, "builtins.eval": true, "builtins.exec": true, "builtins.compile": true,
	"builtins.__import__": true, "__builtin__.eval": true, "__builtin__.exec": true, "__builtin__.compile": true, "__builtin__.__import__": true,
}

// global pushes a class or a function by its name. One that is not allowed
// becomes a foreign value, which is rejected where it is used. Nothing is
// called in either case; a command is rejected so that its file is known.
func (u *unpickler) global(module, name string) {
	if commands[module] || commands[module+"."+name] {
		u.reject(invalid("data.pkl names %.80s.%.80s, by which torch.load would run a command (nothing ran here)", module, name).
			Fix("find out where the file comes from, and save a torch_geometric.data.Data that holds plain tensors"))
	}
	u.push(global{module, name})
}

// newObject makes an empty instance, as class.__new__(class) would.
func (u *unpickler) newObject(class, args any) {
	g, isGlobal := class.(global)
	a, isTuple := args.(tuple)
	switch role := allowed[g]; {
	case isGlobal && isTuple && role == 0:
		u.push(&object{class: g, args: a})
	case isTuple && len(a) == 0 && role == isClass:
		u.push(&object{class: g})
	default:
		u.fail("data.pkl makes an object of what is no class")
	}
}

// build sets the state of the newest value.
func (u *unpickler) build(state any) {
	switch target := u.top().(type) {
	case *object:
		dict, ok := state.(*pyDict)
		if !ok && !target.foreign() {
			u.fail("data.pkl gives %s a state that is no dict", target.class.name)
			return
		}
		target.state = dict
		target.built = asTuple(state)
	case *pyDict: // attributes of an OrderedDict, such as a state dict's _metadata
	default:
		u.fail("data.pkl sets the state of what is no object")
	}
}

// call does what calling the function of that name with args would do.
func (u *unpickler) call(function, args any) {
	a, ok := args.(tuple)
	if !ok {
		u.fail("data.pkl calls with what is no tuple")
		return
	}
	if o, ok := function.(*object); ok && o.foreign() {
		u.push(o.result(a))
		return
	}
	g, isGlobal := function.(global)
	if g == fromType && len(a) == 4 && allowed[asGlobal(a[0])] == isRebuild && a[1] == plainTensor {
		// A tensor to which attributes of Python were given.
		g, a = asGlobal(a[0]), asTuple(a[2])
	}
	switch role := allowed[g]; {
	case isGlobal && role == 0, role == isGetattr && (len(a) != 2 || allowed[asGlobal(a[0])] != isEnum), role == isDict && g.name == "OrderedDict" && len(a) > 0:
		u.push(foreignResult(g, a))
	case role == isRebuild:
		u.rebuild(a)
	case role == isDict:
		u.push(&pyDict{}) // OrderedDict(), defaultdict(set)
	case role == isSet && len(a) <= 1:
		u.push(&pyList{}) // PyG's cache of attribute names, of no use here
	case role == isEnum && len(a) == 1:
		u.push(&object{class: g})
	case role == isGetattr:
		u.push(&object{class: asGlobal(a[0])})
	case role == isSize && len(a) == 1:
		u.push(a[0])
	default:
		u.fail("data.pkl calls %.80s.%.80s, which a saved Data does not call so", g.module, g.name)
	}
}

func asGlobal(v any) global {
	g, _ := v.(global)
	return g
}

func asTuple(v any) tuple {
	t, _ := v.(tuple)
	return t
}

// persistent turns ('storage', torch.FloatStorage, key, location, numel) into
// a reference. The location does not matter: bytes saved from CUDA are the same.
func (u *unpickler) persistent(id any) {
	if p, ok := id.(tuple); ok && len(p) == 5 && p[0] == "storage" {
		class, key, numel := asGlobal(p[1]), p[2], p[4]
		name, isName := key.(string)
		n, isCount := numel.(int64)
		if allowed[class] == isStorage && isName && isCount && n >= 0 {
			u.push(storageRef{name, dtypes[class.name], int(n)})
			return
		}
		if allowed[class] == 0 && class.name != "" {
			u.push(&object{class: class}) // of a dtype without a storage class
			return
		}
	}
	u.fail("data.pkl holds a persistent id that is no storage of torch.save")
}

// rebuild makes a tensor of _rebuild_tensor_v2's arguments: storage, offset,
// size, stride, requires_grad, backward hooks and, optionally, metadata.
func (u *unpickler) rebuild(args tuple) {
	if len(args) < 6 || len(args) > 7 {
		u.fail("data.pkl rebuilds a tensor of %d arguments: 6 or 7 are known", len(args))
		return
	}
	if len(args) == 7 && args[6] != nil {
		u.push(&object{class: lazyTensor}) // its bytes are to be negated or conjugated
		return
	}
	if o, ok := args[0].(*object); ok && o.foreign() {
		u.push(&object{class: otherTensor})
		return
	}
	s, ok := args[0].(storageRef)
	offset, ok2 := args[1].(int64)
	shape, ok3 := ints(args[2])
	strides, ok4 := ints(args[3])
	if !ok || !ok2 || !ok3 || !ok4 || offset < 0 || len(shape) != len(strides) {
		u.fail("data.pkl holds a tensor without a storage, offset, size and stride that fit each other, of %d dimensions at most", maxDims)
		return
	}
	u.push(&tensorRef{s, int(offset), shape, strides})
}

// ints gives the values of a size or stride, none of them negative.
func ints(v any) ([]int, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxDims {
		return nil, false
	}
	out := make([]int, len(t))
	for i, item := range t {
		n, ok := item.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}
