// Command picture draws the training run that the README shows: it trains a small
// network on the embedded Fashion-MNIST pictures, evaluates it as it goes, and writes
// the curves as an SVG to standard output.
//
//	go run ./docs/picture > docs/images/training-run.svg
package main

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/summaries"
)

const steps, every = 300, 10

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), 128, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, nn.Dropout(g, hidden, 0.3), 10)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.001).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func main() {
	dir, err := os.MkdirTemp("", "picture")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := draw(dir, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func draw(dir string, out io.Writer) error {
	train, test := datasets.MiniFashionMNIST()
	est, err := estimator.New(model, estimator.ModelDir(dir), estimator.Seed(1), estimator.SaveSummarySteps(1),
		estimator.LogStepCountSteps(0), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return err
	}
	defer est.Close()
	var accuracy curve
	input := train.Shuffle(10_000).Batch(64).Repeat(-1)
	for step := int64(every); step <= steps; step += every {
		if _, err := est.Fit(input, estimator.MaxSteps(step)); err != nil {
			return err
		}
		ev, err := est.Evaluate(test.Batch(100))
		if err != nil {
			return err
		}
		accuracy.add(float64(step), ev["accuracy"])
	}
	var loss curve
	at, values, err := summaries.Scalars(dir, "loss")
	if err != nil {
		return err
	}
	for i, step := range at {
		loss.add(float64(step), values[i])
	}
	_, err = io.WriteString(out, svg(loss, accuracy))
	return err
}

// curve is a polyline in data coordinates.
type curve struct{ x, y []float64 }

func (c *curve) add(x, y float64) { c.x, c.y = append(c.x, x), append(c.y, y) }

const width, height, left, top, right, bottom = 760, 300, 54, 44, 54, 36

// points maps the curve to the picture; y runs from 0 to limit.
func (c *curve) points(limit float64) string {
	parts := make([]string, len(c.x))
	for i := range c.x {
		parts[i] = fmt.Sprintf("%.1f,%.1f", left+c.x[i]/steps*(width-left-right), height-bottom-c.y[i]/limit*(height-top-bottom))
	}
	return strings.Join(parts, " ")
}

func svg(loss, accuracy curve) string {
	const limit = 2.5
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text := func(x, y float64, anchor, colour, text string) {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, colour, text)
	}
	for i := range 6 {
		y := height - bottom - float64(i)/5*(height-top-bottom)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e4e4e4"/>`+"\n", left, width-right, y, y)
		text(left-8, y+4, "end", "#c2410c", fmt.Sprintf("%.1f", limit*float64(i)/5))
		text(width-right+8, y+4, "start", "#1d4ed8", fmt.Sprintf("%.1f", float64(i)/5))
	}
	for step := 0; step <= steps; step += 50 {
		text(left+float64(step)/steps*(width-left-right), height-bottom+18, "middle", "#555555", fmt.Sprint(step))
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#c2410c" stroke-width="1.3"/>`+"\n", loss.points(limit))
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#1d4ed8" stroke-width="2"/>`+"\n", accuracy.points(1))
	text(left, 18, "start", "#222222", "784-128-10 network with dropout on 600 pictures of Fashion-MNIST, 300 steps")
	text(left, 35, "start", "#c2410c", fmt.Sprintf("loss, at the end %.2f", loss.y[len(loss.y)-1]))
	text(width-right, 35, "end", "#1d4ed8", fmt.Sprintf("accuracy on held-out pictures, at the end %.2f", accuracy.y[len(accuracy.y)-1]))
	text(width/2, height-4, "middle", "#555555", "global step")
	b.WriteString("</svg>\n")
	return b.String()
}
