package estimator

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
)

// metadataParams is the key under which checkpoints hold the hyper-parameters.
const metadataParams = "params"

// Params gives the model function hyper-parameters, which it reads from its graph:
//
//	units := g.IntsParam("hidden_units")
//	rate := g.FloatParam("learning_rate", 0.001) // with a default
//
// They are plain data (see graph.CopyParams) and deep-copied. The training graph's model
// function must read some of them; what it does not read is warned about. Checkpoints hold
// them, and a fit that continues with others is warned about too.
func Params(values map[string]any) Option {
	params, err := graph.CopyParams(values)
	return modelOption("Params", func(s *settings) { s.params, s.paramsErr = params, err })
}

// Params returns a deep copy of the hyper-parameters.
func (e *Estimator) Params() map[string]any {
	params, _ := graph.CopyParams(e.params) // they were checked by New
	return params
}

// checkParams reports hyper-parameters that the model function does not heed.
func (e *Estimator) checkParams(m *model) error {
	unread := m.graph.UnreadParams()
	switch {
	case len(unread) == 0:
		return nil
	case len(unread) == len(e.params):
		return fmt.Errorf("estimator: model function, mode %s: it has Params %q but reads none of them: use g.IntParam and its like", m.mode, unread)
	}
	e.config.Logger.Warn("the model function did not read some of its params", "mode", m.mode, "unread", unread)
	return nil
}

// paramsText is the hyper-parameters as checkpoints hold them.
func (e *Estimator) paramsText() (string, error) {
	text, err := json.Marshal(e.params)
	if err != nil {
		return "", fmt.Errorf("Params: %w", err)
	}
	return string(text), nil
}

// compareParams warns when the trained model had other hyper-parameters.
func (e *Estimator) compareParams() {
	text, err := e.paramsText()
	before := e.live.Metadata[metadataParams]
	if err != nil || before == "" || before == text {
		return
	}
	var had, has map[string]any
	if json.Unmarshal([]byte(before), &had) != nil || json.Unmarshal([]byte(text), &has) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(had)) {
		if now, ok := has[name]; !ok || !reflect.DeepEqual(had[name], now) {
			e.config.Logger.Warn("the model was trained with another value of a param", "param", name, "trained", had[name], "now", now)
		}
	}
}

// metadata is what every checkpoint of a fit holds of the model.
func (e *Estimator) metadata(m *model) (graphactions.Option, error) {
	signature, err := m.signature.encode()
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{metadataSignature: signature}
	if len(e.params) > 0 {
		if metadata[metadataParams], err = e.paramsText(); err != nil {
			return nil, err
		}
	}
	return graphactions.Metadata(metadata), nil
}
