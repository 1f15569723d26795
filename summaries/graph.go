package summaries

import (
	"fmt"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/wire"
)

// GraphDef describes a graph for TensorBoard's graph page.
type GraphDef struct {
	Nodes []NodeDef
}

// NodeDef describes one node of a graph.
type NodeDef struct {
	Name string // unique; the parts between slashes make groups that open and close
	Op   string // what it computes: "MatMul", "Placeholder", "VariableV2", "Const"
	// Inputs are names of nodes of the same graph, in order. "name:1" is the second
	// output of a node, "^name" a dependency that hands over no value.
	Inputs []string
	Shape  tensor.Shape // of the output; no axes for a scalar, -1 for a size that is not known
	Dtype  string       // of the output, "float32"; one that TensorFlow lacks is left out
}

// dataTypes are TensorFlow's numbers of the dtypes, by the names of ours.
var dataTypes = map[string]int64{
	"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "complex64": 8,
	"int64": 9, "int": 9, "bool": 10, "uint16": 17, "complex128": 18, "uint32": 22, "uint64": 23, "uint": 23,
}

// Graph writes a graph. TensorBoard shows the last one of a run. Characters of names
// that its page does not take become "_". A name that is empty or comes twice, and an
// input that is no node, are errors.
func (w *Writer) Graph(def GraphDef) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	names, err := plainNames(def)
	if err != nil {
		return fmt.Errorf("summaries: %s: %w", w.path, err)
	}
	w.event(0, func(b []byte) []byte {
		return wire.AppendMessage(b, eventGraphDef, func(b []byte) []byte {
			for _, n := range def.Nodes {
				b = wire.AppendMessage(b, graphNode, func(b []byte) []byte { return appendNode(b, n, names) })
			}
			return b
		})
	})
	return w.written()
}

func appendNode(b []byte, n NodeDef, names map[string]string) []byte {
	b = wire.AppendString(b, nodeName, names[n.Name])
	b = wire.AppendString(b, nodeOp, validUTF8(n.Op))
	for _, in := range n.Inputs {
		before, name, after := splitInput(in, names)
		b = wire.AppendStringAlways(b, nodeInput, before+names[name]+after)
	}
	b = appendAttr(b, "_output_shapes", func(b []byte) []byte {
		return wire.AppendMessage(b, attrList, func(b []byte) []byte {
			return wire.AppendMessage(b, listShape, func(b []byte) []byte { return appendShape(b, n.Shape) })
		})
	})
	if dtype := dataTypes[n.Dtype]; dtype != 0 {
		b = appendAttr(b, "dtype", func(b []byte) []byte { return wire.AppendInt(b, attrType, dtype) })
	}
	return b
}

func appendAttr(b []byte, key string, value func([]byte) []byte) []byte {
	return wire.AppendMessage(b, nodeAttr, func(b []byte) []byte {
		b = wire.AppendString(b, mapKey, key)
		return wire.AppendMessage(b, mapValue, value)
	})
}

func appendShape(b []byte, shape tensor.Shape) []byte {
	for _, size := range shape {
		b = wire.AppendMessage(b, shapeDim, func(b []byte) []byte { return wire.AppendInt(b, dimSize, int64(size)) })
	}
	return b
}

// plainNames returns, for the name of each node, the name to write.
func plainNames(def GraphDef) (map[string]string, error) {
	names := make(map[string]string, len(def.Nodes))
	used := make(map[string]bool, len(def.Nodes))
	for i, n := range def.Nodes {
		if n.Name == "" {
			return nil, fmt.Errorf("graph: node %d (op %q) has no name", i, n.Op)
		}
		if _, twice := names[n.Name]; twice {
			return nil, fmt.Errorf("graph: two nodes are named %q, want unique names", n.Name)
		}
		names[n.Name] = ""
		if plain := plainName(n.Name); plain == n.Name {
			names[n.Name], used[plain] = plain, true
		}
	}
	for _, n := range def.Nodes {
		if names[n.Name] == "" { // a name that needs no change keeps it
			plain := plainName(n.Name)
			for used[plain] {
				plain += "_"
			}
			names[n.Name], used[plain] = plain, true
		}
		for _, in := range n.Inputs {
			_, name, _ := splitInput(in, names)
			if _, ok := names[name]; !ok {
				return nil, fmt.Errorf("graph: input %q of node %q is no node of the graph", in, n.Name)
			}
		}
	}
	return names, nil
}

// splitInput returns what stands before, in and after the name of a node in an input.
func splitInput(in string, names map[string]string) (before, name, after string) {
	if name, control := strings.CutPrefix(in, "^"); control {
		return "^", name, ""
	}
	if _, ok := names[in]; ok {
		return "", in, "" // a colon is part of the name
	}
	if at := strings.LastIndexByte(in, ':'); at >= 0 {
		if _, err := strconv.ParseUint(in[at+1:], 10, 31); err == nil {
			return "", in[:at], in[at:]
		}
	}
	return "", in, ""
}

// plainName replaces what TensorFlow's rule for names does not allow.
func plainName(name string) string {
	plain := strings.Map(func(r rune) rune {
		if letterOrDigit(r) || strings.ContainsRune("_.-/", r) {
			return r
		}
		return '_'
	}, name)
	if first := rune(plain[0]); first != '.' && !letterOrDigit(first) {
		plain = "." + plain
	}
	return plain
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
