package hookstest

import (
	"time"

	"github.com/stheno-ml/stheno/hooks"
)

// Rules returns the names of the rules.
func Rules() (names []string) {
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

// RejectsError is what Rejects reports.
func RejectsError(m hooks.Monitor, want, dir string) error { return rejects(m, want, dir) }

// Apply checks one rule.
func Apply(rule string, newMonitor func() hooks.Monitor) error {
	for _, r := range rules {
		if r.name == rule {
			return r.apply(newMonitor)
		}
	}
	panic("there is no rule " + rule)
}

// SetPatience sets how long the kit waits for a monitor that should not wait, and returns
// what sets it back.
func SetPatience(d time.Duration) (back func()) {
	before := patience
	patience = d
	return func() { patience = before }
}
