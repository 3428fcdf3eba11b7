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
// a PyG Data, by the names that PyG 2.8 writes. None of them is ever called.
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

func (u *unpickler) global(module, name string) {
	g := global{module, name}
	if u.err == nil && allowed[g] == 0 {
		u.reject(invalid("data.pkl names %.80s.%.80s, which is not a tensor or a PyG class", module, name).Fix("save a torch_geometric.data.Data that holds plain tensors only"))
	}
	u.push(g)
}

// newObject makes an empty instance, as class.__new__(class) would.
func (u *unpickler) newObject(class, args any) {
	g, _ := class.(global)
	if a, ok := args.(tuple); !ok || len(a) != 0 || allowed[g] != isClass {
		u.fail("data.pkl makes an object of what is no PyG class")
		return
	}
	u.push(&object{class: g})
}

// build sets the state of the newest value.
func (u *unpickler) build(state any) {
	switch target := u.top().(type) {
	case *object:
		dict, ok := state.(*pyDict)
		if !ok {
			u.fail("data.pkl gives %s a state that is no dict", target.class.name)
			return
		}
		target.state = dict
	case *pyDict: // attributes of an OrderedDict, such as a state dict's _metadata
	default:
		u.fail("data.pkl sets the state of what is no object")
	}
}

// call does what calling the function of that name with args would do.
func (u *unpickler) call(function, args any) {
	g, _ := function.(global)
	a, ok := args.(tuple)
	switch role := allowed[g]; {
	case !ok:
		u.fail("data.pkl calls with what is no tuple")
	case role == isRebuild:
		u.rebuild(a)
	case role == isDict && (len(a) == 0 || len(a) == 1 && allowed[asGlobal(a[0])] == isSet):
		u.push(&pyDict{}) // OrderedDict(), defaultdict(set)
	case role == isSet && len(a) <= 1:
		u.push(&pyList{}) // PyG's cache of attribute names, of no use here
	case role == isEnum && len(a) == 1:
		u.push(&object{class: g})
	case role == isGetattr && len(a) == 2 && allowed[asGlobal(a[0])] == isEnum:
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
		// It would say that the bytes are to be negated or conjugated.
		u.fail("data.pkl holds a tensor with metadata (a lazy negation or conjugation): save it after .resolve_neg().resolve_conj()")
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
