package summaries

import (
	"encoding/binary"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/wire"
)

const (
	pluginScalars    = "scalars"
	pluginHistograms = "histograms"
	pluginImages     = "images"
)

// decodeEvent reads one event. Fields that are not known are skipped.
func decodeEvent(b []byte) (e Event, err error) {
	for f, err := range wire.Fields(b) {
		switch {
		case err != nil:
			return e, err
		case f.Is(eventWallTime, wire.Fixed64):
			e.WallTime = f.Double()
		case f.Is(eventStep, wire.Varint):
			e.Step = f.Int()
		case f.Is(eventFileVersion, wire.Bytes):
			e.FileVersion = string(f.Data)
		case f.Is(eventGraphDef, wire.Bytes):
			e.Graph, err = decodeGraph(f.Data)
		case f.Is(eventSummary, wire.Bytes):
			e.Values, err = decodeSummary(f.Data)
		case f.Is(eventSessionLog, wire.Bytes):
			e.SessionLog, err = decodeSessionLog(f.Data)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

func decodeSessionLog(b []byte) (*SessionLog, error) {
	log := &SessionLog{}
	for f, err := range wire.Fields(b) {
		switch {
		case err != nil:
			return nil, fmt.Errorf("session log: %w", err)
		case f.Is(sessionStatus, wire.Varint):
			log.Status = SessionStatus(f.Int())
		case f.Is(sessionCheckpointPath, wire.Bytes):
			log.CheckpointPath = string(f.Data)
		case f.Is(sessionMessage, wire.Bytes):
			log.Message = string(f.Data)
		}
	}
	return log, nil
}

func decodeSummary(b []byte) (values []Value, err error) {
	for f, err := range wire.Fields(b) {
		if err != nil {
			return nil, fmt.Errorf("summary: %w", err)
		}
		if !f.Is(summaryValue, wire.Bytes) {
			continue
		}
		v, err := decodeValue(f.Data)
		if err != nil {
			return nil, fmt.Errorf("summary value %q: %w", v.Tag, err)
		}
		values = append(values, v)
	}
	return values, nil
}

func decodeValue(b []byte) (v Value, err error) {
	named, number, isNumber := "", 0.0, false
	for f, err := range wire.Fields(b) {
		switch {
		case err != nil:
			return v, err
		case f.Is(valueTag, wire.Bytes):
			v.Tag = string(f.Data)
		case f.Is(valueSimpleValue, wire.Fixed32):
			v.Plugin, v.Scalar = pluginScalars, float64(f.Float())
		case f.Is(valueImage, wire.Bytes):
			v.Plugin = pluginImages
		case f.Is(valueHistogram, wire.Bytes):
			v.Plugin = pluginHistograms
			v.Histogram, err = decodeHistogram(f.Data)
		case f.Is(valueTensor, wire.Bytes):
			number, isNumber, err = decodeScalarTensor(f.Data)
		case f.Is(valueMetadata, wire.Bytes):
			named, err = decodePlugin(f.Data)
		}
		if err != nil {
			return v, err
		}
	}
	switch {
	case v.Plugin != "":
	case named != "" && named != pluginScalars:
		v.Plugin = named
	case isNumber:
		// TensorFlow 2 names the plugin in the first value of a tag only: a number is
		// a scalar without that.
		v.Plugin, v.Scalar = pluginScalars, number
	}
	return v, nil
}

// decodePlugin returns the name of the plugin in a SummaryMetadata.
func decodePlugin(b []byte) (name string, err error) {
	for f, err := range wire.Fields(b) {
		if err != nil {
			return "", fmt.Errorf("metadata: %w", err)
		}
		if !f.Is(metadataPluginData, wire.Bytes) {
			continue
		}
		for f, err := range wire.Fields(f.Data) {
			if err != nil {
				return "", fmt.Errorf("metadata: plugin: %w", err)
			}
			if f.Is(pluginName, wire.Bytes) {
				name = string(f.Data)
			}
		}
	}
	return name, nil
}

func decodeHistogram(b []byte) (*Histogram, error) {
	h := &Histogram{}
	for f, err := range wire.Fields(b) {
		if err != nil {
			return nil, fmt.Errorf("histogram: %w", err)
		}
		switch {
		case f.Is(histogramMin, wire.Fixed64):
			h.Min = f.Double()
		case f.Is(histogramMax, wire.Fixed64):
			h.Max = f.Double()
		case f.Is(histogramNum, wire.Fixed64):
			h.Num = f.Double()
		case f.Is(histogramSum, wire.Fixed64):
			h.Sum = f.Double()
		case f.Is(histogramSumSquares, wire.Fixed64):
			h.SumSquares = f.Double()
		case f.Num == histogramLimits, f.Num == histogramCounts:
			part, err := f.Doubles()
			if err != nil {
				return nil, fmt.Errorf("histogram: %w", err)
			}
			if f.Num == histogramLimits {
				h.Limits = append(h.Limits, part...)
			} else {
				h.Counts = append(h.Counts, part...)
			}
		}
	}
	if len(h.Limits) != len(h.Counts) {
		return nil, fmt.Errorf("histogram: %d limits and %d counts, want as many", len(h.Limits), len(h.Counts))
	}
	return h, nil
}

// decodeScalarTensor returns the number in a TensorProto that is a float or double
// scalar.
func decodeScalarTensor(b []byte) (x float64, ok bool, err error) {
	var dtype int64
	var content []byte
	dims := 0
	for f, err := range wire.Fields(b) {
		if err != nil {
			return 0, false, fmt.Errorf("tensor: %w", err)
		}
		switch {
		case f.Is(tensorDtype, wire.Varint):
			dtype = f.Int()
		case f.Is(tensorShape, wire.Bytes):
			shape, err := decodeShape(f.Data)
			if err != nil {
				return 0, false, fmt.Errorf("tensor: %w", err)
			}
			dims = len(shape)
		case f.Is(tensorContent, wire.Bytes), f.Is(tensorFloatVal, wire.Bytes), f.Is(tensorDoubleVal, wire.Bytes):
			content = f.Data // packed values look like content
		case f.Is(tensorFloatVal, wire.Fixed32):
			content = binary.LittleEndian.AppendUint32(nil, uint32(f.Uint))
		case f.Is(tensorDoubleVal, wire.Fixed64):
			content = binary.LittleEndian.AppendUint64(nil, f.Uint)
		}
	}
	switch {
	case dims > 0:
		return 0, false, nil
	case dtype == dataTypes["float32"] && len(content) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(content))), true, nil
	case dtype == dataTypes["float64"] && len(content) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(content)), true, nil
	}
	return 0, false, nil
}

func decodeShape(b []byte) (shape tensor.Shape, err error) {
	for f, err := range wire.Fields(b) {
		if err != nil {
			return nil, fmt.Errorf("shape: %w", err)
		}
		if !f.Is(shapeDim, wire.Bytes) {
			continue
		}
		size := int64(0)
		for f, err := range wire.Fields(f.Data) {
			if err != nil {
				return nil, fmt.Errorf("shape: dimension: %w", err)
			}
			if f.Is(dimSize, wire.Varint) {
				size = f.Int()
			}
		}
		shape = append(shape, int(size))
	}
	return shape, nil
}

func decodeGraph(b []byte) (*GraphDef, error) {
	def := &GraphDef{}
	for f, err := range wire.Fields(b) {
		if err != nil {
			return nil, fmt.Errorf("graph: %w", err)
		}
		if !f.Is(graphNode, wire.Bytes) {
			continue
		}
		n, err := decodeNode(f.Data)
		if err != nil {
			return nil, fmt.Errorf("graph: node %q: %w", n.Name, err)
		}
		def.Nodes = append(def.Nodes, n)
	}
	return def, nil
}

func decodeNode(b []byte) (n NodeDef, err error) {
	for f, err := range wire.Fields(b) {
		switch {
		case err != nil:
			return n, err
		case f.Is(nodeName, wire.Bytes):
			n.Name = string(f.Data)
		case f.Is(nodeOp, wire.Bytes):
			n.Op = string(f.Data)
		case f.Is(nodeInput, wire.Bytes):
			n.Inputs = append(n.Inputs, string(f.Data))
		case f.Is(nodeAttr, wire.Bytes):
			err = decodeAttr(&n, f.Data)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// decodeAttr reads an attribute that NodeDef has a member for.
func decodeAttr(n *NodeDef, b []byte) error {
	var key string
	var value []byte
	for f, err := range wire.Fields(b) {
		switch {
		case err != nil:
			return fmt.Errorf("attribute: %w", err)
		case f.Is(mapKey, wire.Bytes):
			key = string(f.Data)
		case f.Is(mapValue, wire.Bytes):
			value = f.Data
		}
	}
	if key != "dtype" && key != "_output_shapes" {
		return nil
	}
	for f, err := range wire.Fields(value) {
		switch {
		case err != nil:
			return fmt.Errorf("attribute %s: %w", key, err)
		case key == "dtype" && f.Is(attrType, wire.Varint):
			n.Dtype = dtypeName(f.Int())
		case key == "_output_shapes" && f.Is(attrList, wire.Bytes):
			if err := decodeFirstShape(n, f.Data); err != nil {
				return fmt.Errorf("attribute %s: %w", key, err)
			}
		}
	}
	return nil
}

func decodeFirstShape(n *NodeDef, list []byte) error {
	for f, err := range wire.Fields(list) {
		if err != nil {
			return err
		}
		if f.Is(listShape, wire.Bytes) {
			n.Shape, err = decodeShape(f.Data)
			return err
		}
	}
	return nil
}

// dtypeName returns the name of a dtype, "" for one that has none here.
func dtypeName(number int64) string {
	name := ""
	for candidate, n := range dataTypes {
		// "int" and "uint" are written as what they are on 64-bit machines.
		if n == number && len(candidate) > len(name) {
			name = candidate
		}
	}
	return name
}
