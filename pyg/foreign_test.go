package pyg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// foreignFiles is a folder of what PyTorch and PyG write where somebody saves
// something other than one plain Data.
func foreignFiles(t *testing.T) string {
	folder := t.TempDir()
	out, err := exec.Command(python(t), "-W", "ignore", filepath.Join("testdata", "make_foreign.py"), folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

func readFile(t *testing.T, path string) (*File, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, file)
}

func TestFilesOfPyTorchAndPyG(t *testing.T) {
	folder := foreignFiles(t)
	t.Run("what is saved in place of a Data is named, with the call that makes one", func(t *testing.T) { foreignIsNamed(t, folder) })
	t.Run("what the advice saves is read", func(t *testing.T) { adviceIsRead(t, folder) })
	t.Run("an attribute that is not used may hold anything", func(t *testing.T) { unusedIsIgnored(t, folder) })
}

func foreignIsNamed(t *testing.T, folder string) {
	for name, want := range map[string]string{
		"hetero":         "a HeteroData, with nodes of several types: save one Data of it: torch.save(data.to_homogeneous(), path)",
		"hetero_dict":    "the dict of a HeteroData: save one Data of it",
		"batch":          "a Batch of several graphs: save one Data of it: torch.save(batch.to_data_list()[0], path)",
		"temporal":       "a TemporalData, which has events and no x and edge_index: save one Data of it: Data(x=...",
		"list":           "a list of 2 graphs: save one of them: torch.save(graphs[0], path)",
		"dataset_of_two": "a dataset of PyG, a tuple (data, slices): save one of its graphs: torch.save(dataset[0], path)",
		"own_dataset":    "a dataset of PyG, __main__.Own: save one of its graphs: torch.save(dataset[0], path)",
		"state_dict":     "a model's state dict, and a graph is needed: save the data in its place",
		"gcn_state_dict": "a model's state dict",
		"training_state": "a model's state dict",
		"model":          "a model, torch_geometric.nn.conv.gcn_conv.GCNConv, and a graph is needed",
		"tensor":         "one tensor, float32 [6, 2], and a graph is needed",
		"array":          "a numpy.ndarray, and a graph is needed",
		"nested":         `under "graph" in it a torch_geometric.data.Data: save that alone: torch.save(saved["graph"], path)`,
		"frame":          "a pandas.DataFrame: save one torch_geometric.data.Data",

		"ogb":                  "a tuple (graph, labels), as OGB has it: save Data(x=t(g['node_feat']), edge_index=t(g['edge_index']), y=t(saved[1])), where t = torch.as_tensor, g = saved[0]",
		"ogb_list":             "a list (graph, labels), as OGB has it: save Data(x=t(g['node_feat']), ",
		"ogb_pairs":            "a list of (graph, labels), as OGB has them: save Data(x=t(g['node_feat']), edge_index=t(g['edge_index']), y=t(saved[0][1])), where t = torch.as_tensor, g = saved[0][0]",
		"ogb_tensors":          "a tuple (graph, labels), as OGB has it: save Data(x=t(g['node_feat']), ",
		"ogb_graph":            "a dict with node_feat, a graph as OGB has it: save Data(x=t(g['node_feat']), edge_index=t(g['edge_index']), y=...), where t = torch.as_tensor, g = saved",
		"ogb_without_features": "a tuple (graph, labels), as OGB has it: save Data(x=..., edge_index=t(g['edge_index']), y=t(saved[1])), where",
		"ogb_in_dict":          `a graph of OGB under "graph": save Data(x=t(g['node_feat']), edge_index=t(g['edge_index']), y=t(saved["labels"]), split_idx=saved["split"]), where t = torch.as_tensor, g = saved["graph"]`,
		"data_and_labels":      "a tuple, and first in it a torch_geometric.data.Data: save that with its labels: torch.save({**saved[0].to_dict(), 'y': torch.as_tensor(saved[1])}, path)",
		"data_and_labels_list": "a list, and first in it a torch_geometric.data.Data: save that with its labels",
		"dict_and_labels":      "a tuple, and first in it a dict: save that with its labels: torch.save({**saved[0], 'y': torch.as_tensor(saved[1])}, path)",
		"data_and_name":        "a tuple, and first in it a torch_geometric.data.Data: save that alone: torch.save(saved[0], path)",
		"dicts":                "a list, and first in it a dict: save that alone: torch.save(saved[0], path)",
		"tensors":              "a tuple of tensors: save Data(x=..., edge_index=..., y=...) of them",
		"nested_dict":          `under "graph" in it a dict with edge_index: save that alone: torch.save(saved["graph"], path)`,

		"numpy_names":      "y is a numpy.ndarray of strings or objects, and numbers are needed: 0 (down), 1 (flat), 2 (up): save torch.tensor([{'down': 0, 'flat': 1, 'up': 2}[v] for v in y])",
		"numpy_objects":    "y is a numpy.ndarray of strings or objects",
		"numpy_frombuffer": "x is a numpy.ndarray: a tensor [N, F] of features is needed: save torch.from_numpy(x)",
		"numpy_feat":       "the file lacks x, and has feat, a numpy.ndarray: save torch.from_numpy(data.feat) as data.x",
		"numpy_set":        "set is a numpy.ndarray, which looks like a split of the nodes",
		"categorical_role": "role is a pandas",
		"numpy_usage":      "usage is a numpy.ndarray, which looks like a split of the nodes",

		"parameter":        "x is a torch.nn.Parameter: a tensor [N, F] of features is needed: save x.detach() in its place",
		"edge_index_class": "edge_index is a torch_geometric.EdgeIndex: a tensor [2, E] of node numbers is needed: save edge_index.as_tensor()",
		"index_class":      "y is a torch_geometric.Index: a tensor [6], one value for each node, is needed: save y.as_tensor()",
		"tensor_class":     "x is a __main__.Torn: a tensor [N, F] of features is needed: save x.as_subclass(torch.Tensor)",
		"numpy_x":          "x is a numpy.ndarray: a tensor [N, F] of features is needed: save torch.from_numpy(x)",
		"numpy_y":          "y is a numpy.ndarray: a tensor [6], one value for each node, is needed: save torch.from_numpy(y)",
		"numpy_mask":       "train_mask is a numpy.ndarray, and a mask or numbers of nodes are needed: save torch.from_numpy(train_mask)",
		"frame_x":          "x is a pandas.DataFrame: a tensor [N, F] of features is needed: save torch.tensor(x.values)",
		"series_y":         "y is a pandas.Series",
		"list_x":           "x is a list: a tensor [N, F] of features is needed: save torch.tensor(x)",
		"sparse_x":         "x is a torch.sparse Tensor: a tensor [N, F] of features is needed: save x.to_dense()",
		"narrow_y":         "y is a torch.Tensor of a dtype that is not read: a tensor [6], one value for each node, is needed: save y.long()",
		"when":             "open_time is a datetime.datetime",
		"stamp":            "open_time is a pandas.Timestamp",
		"symbols_array":    "symbols is a numpy.ndarray: a list of 6 strings, the nodes' names, is needed: save [str(s) for s in symbols]",
		"csr":              "has adj_t, a torch.sparse Tensor: save data.edge_index, data.edge_weight = torch_geometric.utils.to_edge_index(data.adj_t.t())",
		"sparse_tensor":    "has adj_t, a torch_sparse.SparseTensor: save data.edge_index",
		"dense":            "has adj, a tensor of float32 [6, 6]: save data.edge_index, data.edge_weight = torch_geometric.utils.to_edge_index(data.adj.to_sparse())",
	} {
		f, err := readFile(t, filepath.Join(folder, name+".pt"))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) || len(err.Error()) > 220 {
			t.Errorf("%s: got %+v, %v; want %q", name, f, err, want)
		}
	}
}

func adviceIsRead(t *testing.T, folder string) {
	for _, name := range []string{"hetero_homogeneous", "batch_first", "dataset_of_one", "subclass", "ogb_followed", "data_and_labels_followed", "from_csr", "from_dense"} {
		f, err := readFile(t, filepath.Join(folder, name+".pt"))
		if err != nil || f.Data.NumNodes != 6 || f.Data.NumFeatures != 2 || !slices.Equal(f.Data.Y, []int64{0, 1, 2, 0, 1, 2}) {
			t.Errorf("%s: got %+v, %v", name, f, err)
			continue
		}
		if want := []int64{1, 2, 3, 4, 5, 0}; name != "from_dense" && !slices.Equal(byNumber(f.Data.Sources(), f.Data.Targets()), want) {
			t.Errorf("%s: the edges are %v", name, f.Data.EdgeIndex)
		}
	}
}

// byNumber is the target of the edge from each source, of which each has one.
func byNumber(sources, targets []int64) []int64 {
	of := make([]int64, len(sources))
	for k, s := range sources {
		of[s] = targets[k]
	}
	return of
}

func unusedIsIgnored(t *testing.T, folder string) {
	for _, name := range []string{"rest_2", "rest_4", "rest_5"} {
		f, err := readFile(t, filepath.Join(folder, name+".pt"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Data.NumNodes != 6 || f.Data.X[3] != 3 || len(f.Ignored) != 22 || !slices.Contains(f.Ignored, "when") || len(f.Warnings) > 0 {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func TestANameTakenOfAClassIsNoCommand(t *testing.T) {
	if f, err := read(t, fixture(t, "evil_getattr.pt")); err != nil || !slices.Equal(f.Ignored, []string{"note"}) {
		t.Errorf("got %+v, %v", f, err)
	}
}
