package graphactions

import (
	"errors"
	"fmt"
	"io"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

// feed returns what the input feeds together with what monitors feed. The map is re-used
// at the next run.
func (s *monitorSet) feed(step int64, input graph.Feed) (graph.Feed, error) {
	if !s.feeds {
		return input, nil
	}
	if s.fed == nil {
		s.fed, s.fedBy = graph.Feed{}, map[*gorgonia.Node]string{}
	}
	clear(s.fed)
	clear(s.fedBy)
	for n, v := range input {
		s.fed[n], s.fedBy[n] = v, "the input"
	}
	for i, m := range s.monitors {
		feeder, ok := m.(hooks.Feeder)
		if !ok {
			continue
		}
		err := s.one(i, "Feed", func() error {
			feed, err := feeder.Feed(step)
			var twice *gorgonia.Node
			for n, v := range feed {
				switch {
				case s.fedBy[n] == "":
					s.fed[n], s.fedBy[n] = v, "monitor "+s.keys[i]
				case twice == nil || n.ID() < twice.ID():
					twice = n
				}
			}
			if twice != nil {
				return fmt.Errorf("placeholder %q is fed by %s too", twice.Name(), s.fedBy[twice])
			}
			return err
		})
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
	}
	return s.fed, nil
}
