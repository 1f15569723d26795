package ops

import (
	"fmt"
	"hash"
	"hash/fnv"
	"strings"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// kernel computes a result from inputs. out has the inferred shape and its old content
// is undefined.
type kernel func(out gorgonia.Value, in []gorgonia.Value) error

// gradient returns the gradient with respect to each input, nil for those it does not
// exist for. in, out and grad are the inputs, the result and its gradient.
type gradient func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes

// definition describes an op before it is applied.
type definition struct {
	name string
	// attributes tell two ops of one name apart, "" when nothing does.
	attributes string
	// dtype and dims are those of the result.
	dtype tensor.Dtype
	dims  int
	shape func(in []tensor.Shape) (tensor.Shape, error)
	run   kernel
	// differentiable says which inputs have a gradient; none when gradient is nil.
	differentiable []bool
	gradient       gradient
	// view says that the result is the first input in another shape wherever it has as many
	// elements.
	view bool
}

// apply adds a node that computes d on inputs.
func apply(g *graph.Graph, d definition, inputs ...*gorgonia.Node) *gorgonia.Node {
	o := &op{definition: d}
	for _, in := range inputs {
		o.inputs = append(o.inputs, in.Type())
	}
	return g.Apply(o, inputs...)
}

// op is a definition as a gorgonia.Op.
type op struct {
	definition
	inputs []hm.Type
	salt   uint32
}

var (
	_ gorgonia.SDOp  = (*op)(nil)
	_ graph.View     = (*op)(nil)
	_ graph.Saltable = (*op)(nil)
)

// Arity is the number of inputs.
func (o *op) Arity() int { return len(o.inputs) }

// Type is made of the types of the inputs that the op was made for.
func (o *op) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type(nil), o.inputs...), resultType(o.dtype, o.dims))...)
}

func resultType(dt tensor.Dtype, dims int) hm.Type {
	if dims == 0 {
		return dt
	}
	return gorgonia.TensorType{Dims: dims, Of: dt}
}

// InferShape returns the shape of the result.
func (o *op) InferShape(sizes ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(sizes))
	for i, s := range sizes {
		shape, ok := s.(tensor.Shape)
		if !ok {
			return nil, fmt.Errorf("the shape of input %d is not known", i)
		}
		shapes[i] = shape
	}
	shape, err := o.shape(shapes)
	if err == nil && len(shape) != o.dims {
		err = fmt.Errorf("the result would have shape %v, want %d axes", shape, o.dims)
	}
	return shape, err
}

// Do computes the result in new memory.
func (o *op) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	sizes := make([]gorgonia.DimSizer, len(in))
	for i, v := range in {
		sizes[i] = v.Shape()
	}
	shape, err := o.InferShape(sizes...)
	if err != nil {
		return nil, err
	}
	return o.UsePreallocDo(newValue(o.dtype, shape), in...)
}

// UsePreallocDo computes the result into out.
func (o *op) UsePreallocDo(out gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	if err := o.run(out, in); err != nil {
		return nil, err
	}
	return out, nil
}

// SizedByInputs says that no size is kept from building.
func (o *op) SizedByInputs() {}

// IsView says whether the result is the first input in another shape, where it has as many
// elements.
func (o *op) IsView() bool { return o.view }

// WithSalt returns the same op with another hash.
func (o *op) WithSalt(salt uint32) gorgonia.Op {
	c := *o
	c.salt = salt
	return &c
}

// DiffWRT says which inputs have a gradient.
func (o *op) DiffWRT(n int) []bool {
	if o.gradient == nil {
		return make([]bool, n)
	}
	return o.differentiable
}

// SymDiff adds the nodes that compute the gradients.
func (o *op) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if o.gradient == nil {
		return nil, fmt.Errorf("%s has no gradient", o.name)
	}
	return o.gradient(in, out, grad), nil
}

// ReturnsPtr says that the result may be overwritten by its user.
func (o *op) ReturnsPtr() bool { return true }

// CallsExtern is false: there is no cgo.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput is -1: inputs are left alone.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash writes what tells the op from others.
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s/%v/%d", o, o.dtype, o.salt) }

// Hashcode is how Gorgonia finds equal nodes.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String returns the name with the attributes.
func (o *op) String() string {
	if o.attributes == "" {
		return o.name
	}
	return o.name + "{" + o.attributes + "}"
}

// newValue returns a scalar or a tensor, zeroed.
func newValue(dt tensor.Dtype, shape tensor.Shape) gorgonia.Value {
	if len(shape) == 0 {
		switch dt {
		case tensor.Float32:
			return new(gorgonia.F32)
		case tensor.Float64:
			return new(gorgonia.F64)
		case tensor.Int64:
			return new(gorgonia.I64)
		case tensor.Int32:
			return new(gorgonia.I32)
		case tensor.Int:
			return new(gorgonia.I)
		case tensor.Uint8:
			return new(gorgonia.U8)
		case tensor.Bool:
			return new(gorgonia.B)
		}
	}
	return dense.New(dt, shape)
}

// check is what building functions do before anything else: it reports a nil or
// poisoned input and a dtype that is not float32 or float64, and wants all inputs in
// one dtype. ok false means that the result is the poisoned node it returns.
func check(g *graph.Graph, name string, inputs ...*gorgonia.Node) (bad *gorgonia.Node, ok bool) {
	for i, in := range inputs {
		if in == nil {
			return fail(g, name, "input %d is nil", i), false
		}
		if g.Poisoned(in) {
			return g.Fail(nil), false
		}
		if dt := in.Dtype(); !isFloat(dt) {
			return fail(g, name, "input %d, %q, has dtype %v, want float32 or float64: use ops.Cast", i, in.Name(), dt), false
		}
		if in.Dtype() != inputs[0].Dtype() {
			return fail(g, name, "inputs %q and %q have dtypes %v and %v, want one: use ops.Cast",
				inputs[0].Name(), in.Name(), inputs[0].Dtype(), in.Dtype()), false
		}
	}
	return nil, true
}

// checkAny is check for inputs of any dtype.
func checkAny(g *graph.Graph, name string, inputs ...*gorgonia.Node) (bad *gorgonia.Node, ok bool) {
	for i, in := range inputs {
		if in == nil {
			return fail(g, name, "input %d is nil", i), false
		}
		if g.Poisoned(in) {
			return g.Fail(nil), false
		}
	}
	return nil, true
}

func fail(g *graph.Graph, name, format string, args ...any) *gorgonia.Node {
	return g.Fail(fmt.Errorf("ops.%s: %s", name, fmt.Sprintf(format, args...)))
}

func isFloat(dt tensor.Dtype) bool { return dt == tensor.Float32 || dt == tensor.Float64 }

// pick chooses the kernel for a dtype that check has let through.
func pick(dt tensor.Dtype, f32, f64 kernel) kernel {
	if dt == tensor.Float32 {
		return f32
	}
	return f64
}

func attributes(parts ...any) string {
	text := make([]string, len(parts))
	for i, p := range parts {
		text[i] = fmt.Sprint(p)
	}
	return strings.Join(text, ",")
}
