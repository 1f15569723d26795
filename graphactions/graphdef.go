package graphactions

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/summaries"
)

// graphDef describes g for TensorBoard's graph page. A node without a name of its own
// is called after its op and number.
func graphDef(g *graph.Graph) summaries.GraphDef {
	var def summaries.GraphDef
	names := map[*gorgonia.Node]string{}
	used := map[string]bool{}
	for _, n := range g.AllNodes() {
		if n.Type() == nil {
			continue // a statement of Gorgonia's
		}
		op := opName(g, n)
		name := fmt.Sprintf("%s_%d", op, n.ID())
		if n.Op() == nil || namedByUser(n) {
			name = n.Name()
		}
		for used[name] {
			name += "_"
		}
		used[name], names[n] = true, name
		node := summaries.NodeDef{Name: name, Op: op, Shape: n.Shape(), Dtype: n.Dtype().String()}
		for _, in := range graph.InputsOf(n) {
			if input, ok := names[in]; ok {
				node.Inputs = append(node.Inputs, input)
			}
		}
		def.Nodes = append(def.Nodes, node)
	}
	return def
}

// namedByUser reports whether the node has a name and not only the text that
// Gorgonia makes of its op and inputs.
func namedByUser(n *gorgonia.Node) bool {
	for _, named := range n.Graph().ByName(n.Name()) {
		if named == n {
			return true
		}
	}
	return false
}

func opName(g *graph.Graph, n *gorgonia.Node) string {
	switch v := g.VariableOf(n); {
	case v != nil:
		return "VariableV2"
	case n.Op() == nil:
		return "Placeholder"
	}
	if _, constant := n.Op().(interface{ Value() gorgonia.Value }); constant {
		return "Const"
	}
	text := fmt.Sprint(n.Op())
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !letter {
			text = text[:i]
			break
		}
	}
	if text == "" {
		text = "Op"
	}
	return text
}
