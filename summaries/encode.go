package summaries

import (
	"strings"
	"time"

	"github.com/stheno-ml/stheno/internal/wire"
)

// The numbers of the protobuf fields that are written and read. The messages are
// TensorFlow's Event, Summary, GraphDef and what they hold.
const (
	eventWallTime    = 1 // double, seconds since 1970
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventGraphDef    = 4 // bytes: a GraphDef
	eventSummary     = 5 // Summary
	eventSessionLog  = 7 // SessionLog

	sessionStatus         = 1 // enum
	sessionCheckpointPath = 2 // string
	sessionMessage        = 3 // string

	summaryValue = 1 // repeated Value

	valueTag         = 1 // string
	valueSimpleValue = 2 // float
	valueImage       = 4 // Image
	valueHistogram   = 5 // HistogramProto
	valueTensor      = 8 // TensorProto
	valueMetadata    = 9 // SummaryMetadata

	metadataPluginData = 1 // PluginData
	pluginName         = 1 // string

	histogramMin        = 1 // double
	histogramMax        = 2 // double
	histogramNum        = 3 // double
	histogramSum        = 4 // double
	histogramSumSquares = 5 // double
	histogramLimits     = 6 // repeated double: right edges
	histogramCounts     = 7 // repeated double

	tensorDtype     = 1 // enum
	tensorShape     = 2 // TensorShapeProto
	tensorContent   = 4 // bytes, little-endian
	tensorFloatVal  = 5 // repeated float
	tensorDoubleVal = 6 // repeated double

	shapeDim  = 2 // repeated Dim
	dimSize   = 1 // int64
	graphNode = 1 // repeated NodeDef

	nodeName  = 1 // string
	nodeOp    = 2 // string
	nodeInput = 3 // repeated string
	nodeAttr  = 5 // map<string, AttrValue>

	mapKey   = 1
	mapValue = 2

	attrList  = 1 // ListValue
	attrType  = 6 // enum DataType
	listShape = 7 // repeated TensorShapeProto
)

func appendEvent(b []byte, wallTime time.Time, step int64) []byte {
	b = wire.AppendDouble(b, eventWallTime, float64(wallTime.UnixNano())/1e9)
	return wire.AppendInt(b, eventStep, step)
}

func appendFileVersion(b []byte, version string) []byte {
	return wire.AppendString(b, eventFileVersion, version)
}

// appendSummary writes a summary; values appends its values.
func appendSummary(b []byte, values func([]byte) []byte) []byte {
	return wire.AppendMessage(b, eventSummary, values)
}

// appendScalar writes a scalar the way TensorFlow 1 did, which every reader knows and
// which is the smallest.
func appendScalar(b []byte, tag string, value float32) []byte {
	return wire.AppendMessage(b, summaryValue, func(b []byte) []byte {
		b = wire.AppendString(b, valueTag, tag)
		return wire.AppendFloatAlways(b, valueSimpleValue, value)
	})
}

func appendHistogram(b []byte, tag string, h *Histogram) []byte {
	return wire.AppendMessage(b, summaryValue, func(b []byte) []byte {
		b = wire.AppendString(b, valueTag, tag)
		return wire.AppendMessage(b, valueHistogram, func(b []byte) []byte {
			b = wire.AppendDouble(b, histogramMin, h.Min)
			b = wire.AppendDouble(b, histogramMax, h.Max)
			b = wire.AppendDouble(b, histogramNum, h.Num)
			b = wire.AppendDouble(b, histogramSum, h.Sum)
			b = wire.AppendDouble(b, histogramSumSquares, h.SumSquares)
			b = wire.AppendDoubles(b, histogramLimits, h.Limits)
			return wire.AppendDoubles(b, histogramCounts, h.Counts)
		})
	})
}

func appendSessionLog(b []byte, log SessionLog) []byte {
	return wire.AppendMessage(b, eventSessionLog, func(b []byte) []byte {
		b = wire.AppendInt(b, sessionStatus, int64(log.Status))
		b = wire.AppendString(b, sessionCheckpointPath, log.CheckpointPath)
		return wire.AppendString(b, sessionMessage, log.Message)
	})
}

// validUTF8 replaces what protobuf does not take for text.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
