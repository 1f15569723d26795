package hooks

import (
	"encoding/json"
	"io"
	"slices"
	"time"
)

// chromeTrace is a timeline in Chrome's trace event format ("Trace Event Format",
// Google 2016): a JSON object whose events of the kind X are stretches of time, in
// microseconds, and whose events of the kind M give tracks their names.
type chromeTrace struct {
	origin time.Time
	events []chromeEvent
}

type chromeEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Kind     string         `json:"ph"`
	At       float64        `json:"ts"`
	Duration float64        `json:"dur"`
	Process  int            `json:"pid"`
	Track    int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// trackOps is the track of single ops, which lie within a run of the train op.
const trackOps = "ops"

// tracks are the tracks from top to bottom.
var tracks = []string{string(PhaseInput), string(PhaseStep), trackOps, string(PhaseHooks), string(PhaseEvaluation), string(PhaseSaving)}

func (c *chromeTrace) begin(origin time.Time) {
	c.origin, c.events = origin, c.events[:0]
	event := func(name string, track int, args map[string]any) {
		c.events = append(c.events, chromeEvent{Name: name, Kind: "M", Process: 1, Track: track, Args: args})
	}
	event("process_name", 0, map[string]any{"name": "stheno"})
	for i, name := range tracks {
		event("thread_name", i+1, map[string]any{"name": name})
		event("thread_sort_index", i+1, map[string]any{"sort_index": i + 1})
	}
}

// add adds a stretch of time. node may be empty.
func (c *chromeTrace) add(track, name string, start time.Time, took time.Duration, step int64, node string) {
	args := map[string]any{"step": step}
	if node != "" {
		args["node"] = node
	}
	c.events = append(c.events, chromeEvent{
		Name: name, Category: track, Kind: "X", Process: 1, Track: slices.Index(tracks, track) + 1, Args: args,
		At: microseconds(start.Sub(c.origin)), Duration: microseconds(took),
	})
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func (c *chromeTrace) write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(map[string]any{"traceEvents": c.events, "displayTimeUnit": "ms"})
}
