package session_test

import (
	"fmt"

	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// conv3 is a 3x3 convolution that keeps the size.
func conv3(x, kernel *Node) *Node {
	return Must(Conv2d(x, kernel, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
}

// halved is max pooling of two by two.
func halved(x *Node) *Node {
	return Must(MaxPool2D(x, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
}

// flat makes a row of each image.
func flat(x *Node) *Node {
	s := x.Shape()
	return Must(Reshape(x, tensor.Shape{s[0], s[1] * s[2] * s[3]}))
}

// classified ends convnet and resnet: two dense layers, and the loss that the programs
// take to try out a rewriting of Gorgonia's.
func classified(g *ExprGraph, x *Node, units int, learnables ...*Node) *network {
	batch, inputs := x.Shape()[0], x.Shape()[1]
	w3, w4 := weights(g, Float64, "w3", inputs, units), weights(g, Float64, "w4", units, 10)
	out := Must(SoftMax(Must(Mul(Must(Rectify(Must(Mul(x, w3)))), w4))))
	y := given(g, "y", digits(batch))
	cost := Must(Neg(Must(Mean(Must(Log(Must(HadamardProd(out, y))))))))
	loss := new(Value)
	Read(cost, loss)
	return trainable(g, cost, loss, NewRMSPropSolver(WithBatchSize(float64(batch))), append(learnables, w3, w4)...)
}

// convnet has n filters in its first layer where the program has 32.
func convnet(n int) *network {
	const batch = 4
	g := NewGraph()
	x := given(g, "x", pixels("x", batch, 1, 28, 28))
	w0, w1, w2 := weights(g, Float64, "w0", n, 1, 3, 3), weights(g, Float64, "w1", 2*n, n, 3, 3), weights(g, Float64, "w2", 4*n, 2*n, 3, 3)
	h := x
	for _, w := range []*Node{w0, w1, w2} {
		h = halved(Must(Rectify(conv3(h, w))))
	}
	return classified(g, flat(h), 20*n, w0, w1, w2)
}

// resnet adds to a convolution a dense layer of its pooled values, twice; n as in convnet.
func resnet(n int) *network {
	const batch = 2
	g := NewGraph()
	x := given(g, "x", pixels("x", batch, 1, 28, 28))
	w0, w1, w2 := weights(g, Float64, "w0", n, 1, 3, 3), weights(g, Float64, "w1", 2*n, n, 3, 3), weights(g, Float64, "w2", 4*n, 2*n, 3, 3)
	learnables := Nodes{w0, w1, w2}
	residual := func(c, pooled *Node, name string) *Node {
		rows := flat(pooled)
		w := weights(g, Float64, name, rows.Shape()[1], tensor.Shape(c.Shape()[1:]).TotalSize())
		learnables = append(learnables, w)
		return Must(Add(c, Must(Reshape(Must(Mul(rows, w)), c.Shape()))))
	}
	h := halved(Must(Rectify(conv3(x, w0))))
	c1 := conv3(h, w1)
	h = residual(c1, halved(Must(Rectify(c1))), "w1r")
	c2 := conv3(h, w2)
	h = residual(c2, halved(Must(Rectify(c2))), "w2r")
	return classified(g, flat(h), 20*n, learnables...)
}

// darknet adds the layers of the two tiny YOLOs.
type darknet struct {
	g     *ExprGraph
	count int
}

// linear is a convolution of size 3 or 1 without a bias.
func (d *darknet) linear(x *Node, filters, size int) *Node {
	d.count++
	w := weights(d.g, Float32, fmt.Sprint("conv", d.count), filters, x.Shape()[1], size, size)
	return Must(Conv2d(x, w, tensor.Shape{size, size}, []int{size / 2, size / 2}, []int{1, 1}, []int{1, 1}))
}

// conv adds a bias for each filter, which the programs repeat over the image first, and a
// leaky ReLU.
func (d *darknet) conv(x *Node, filters, size int, slope float64) *Node {
	y := d.linear(x, filters, size)
	bias, repeated := made(Float32, "bias", 0.1, filters), tensor.New(tensor.Of(Float32), tensor.WithShape(y.Shape()...))
	area := y.Shape()[2] * y.Shape()[3]
	for i := range repeated.Float32s() {
		repeated.Float32s()[i] = bias.Float32s()[i/area%filters]
	}
	return Must(LeakyRelu(Must(Add(y, given(d.g, fmt.Sprint("bias", d.count), repeated))), slope))
}

// detected is a network that only looks at an image of n by n pixels.
func detected(n int, build func(d *darknet, x *Node) Nodes) *network {
	g := NewGraph()
	x := given(g, "x", made(Float32, "image", 1, 1, 3, n, n))
	net := &network{graph: g}
	// One machine runs it all; a part for each of two outputs would run it twice.
	outputs := build(&darknet{g: g}, x)
	out := outputs[0]
	if len(outputs) == 2 {
		out = Must(Concat(0, Must(Ravel(outputs[0])), Must(Ravel(outputs[1]))))
	}
	predicted := new(Value)
	Read(out, predicted)
	net.parts = []part{{result: predicted}}
	return net
}

// tinyYOLOv2 has a quarter of the program's filters.
func tinyYOLOv2(n int) *network {
	return detected(n, func(d *darknet, x *Node) Nodes {
		h := x
		for _, filters := range []int{4, 8, 16, 32, 64} {
			h = halved(d.conv(h, filters, 3, 0.1))
		}
		h = d.conv(h, 128, 3, 0.1)
		h = Must(MaxPool2D(h, tensor.Shape{2, 2}, []int{1, 0, 1, 0}, []int{1, 1}))
		h = d.conv(d.conv(h, 256, 3, 0.1), 128, 3, 0.1)
		const anchors, kinds = 5, 8
		return Nodes{d.conv(h, (kinds+5)*anchors, 1, 1)}
	})
}

// tinyYOLOv3 has a quarter of the program's filters.
func tinyYOLOv3(n int) *network {
	return detected(n, func(d *darknet, x *Node) Nodes {
		const kinds = 8
		yolo := func(h *Node, anchors ...float32) *Node {
			return Must(YOLOv3(d.linear(h, (kinds+5)*3, 1), anchors, []int{0, 1, 2}, n, kinds, 0.7))
		}
		h := x
		var route *Node
		for _, filters := range []int{4, 8, 16, 32, 64} {
			route = d.conv(h, filters, 3, 0.1)
			h = halved(route)
		}
		h = d.conv(h, 128, 3, 0.1)
		h = Must(MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 1, 0, 1}, []int{1, 1}))
		branch := d.conv(d.conv(h, 256, 3, 0.1), 64, 1, 0.1)
		coarse := yolo(d.conv(branch, 128, 3, 0.1), 81, 82, 135, 169, 344, 319)
		h = Must(Upsample2D(d.conv(branch, 32, 1, 0.1), 2))
		h = Must(Concat(1, h, route))
		fine := yolo(d.conv(h, 64, 3, 0.1), 23, 27, 37, 58, 81, 82)
		return Nodes{coarse, fine}
	})
}
