package estimator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The types of tasks that have a meaning. Others may be in a cluster too.
const (
	TaskChief     = "chief"
	TaskMaster    = "master" // the old name of a chief that evaluates too
	TaskWorker    = "worker"
	TaskPS        = "ps"
	TaskEvaluator = "evaluator" // never part of the cluster that trains
)

// Cluster says which task of which cluster this process is, as [ParseTFConfig] reads it.
// Without a cluster it is worker 0, alone and the chief.
//
// Training on several machines is not there yet: Fit of a task of such a cluster is an
// error that says so. Everything else works, an evaluator's Evaluate for one.
type Cluster struct {
	// Spec has the addresses of the tasks by type. It is empty in a process that is alone,
	// and in an evaluator.
	Spec map[string][]string
	// TaskType and TaskIndex are this process's.
	TaskType  string
	TaskIndex int
	// Master is whom this process would train with: session_master if that was given, ""
	// when it is alone, otherwise "grpc://" and its own address.
	Master string
	// EvaluationMaster is eval_session_master, which only an evaluator and a process
	// without a cluster may have.
	EvaluationMaster string
	// Service is whatever was given under that key.
	Service map[string]any
	// ModelDir is what was given under model_dir.
	ModelDir string
}

// alone is a process without a cluster.
func alone() Cluster { return Cluster{TaskType: TaskWorker} }

// chiefType returns the type of the task that leads, "" without a cluster.
func (c Cluster) chiefType() string {
	switch {
	case len(c.Spec[TaskMaster]) > 0:
		return TaskMaster
	case len(c.Spec) > 0:
		return TaskChief
	}
	return ""
}

// IsChief reports whether this process is the one that writes checkpoints.
func (c Cluster) IsChief() bool {
	if len(c.Spec) == 0 {
		return c.TaskType == TaskWorker
	}
	return c.TaskType == c.chiefType()
}

// NumWorkerReplicas returns how many tasks train, the chief among them: 1 for a process
// that is alone, 0 for an evaluator.
func (c Cluster) NumWorkerReplicas() int {
	if len(c.Spec) == 0 {
		if c.TaskType == TaskEvaluator {
			return 0
		}
		return 1
	}
	return len(c.Spec[TaskWorker]) + len(c.Spec[c.chiefType()])
}

// NumPSReplicas returns how many parameter servers there are.
func (c Cluster) NumPSReplicas() int { return len(c.Spec[TaskPS]) }

// GlobalID returns the number of this task among all: the chief is 0, other types follow
// by name, parameter servers are last. It is -1 for an evaluator, which has none.
func (c Cluster) GlobalID() int {
	if c.TaskType == TaskEvaluator {
		return -1
	}
	id := 0
	for _, taskType := range c.taskTypes() {
		if taskType == c.TaskType {
			break
		}
		id += len(c.Spec[taskType])
	}
	return id + c.TaskIndex
}

// taskTypes returns the types of tasks in the order of their global numbers.
func (c Cluster) taskTypes() []string {
	rank := func(taskType string) int {
		switch taskType {
		case c.chiefType():
			return 0
		case TaskPS:
			return 2
		}
		return 1
	}
	types := slices.Sorted(maps.Keys(c.Spec))
	slices.SortStableFunc(types, func(a, b string) int { return rank(a) - rank(b) })
	return types
}

// String shows every task of the cluster with its address, in the order of their global
// numbers, and which of them this process is.
func (c Cluster) String() string {
	var b strings.Builder
	if len(c.Spec) == 0 {
		fmt.Fprintf(&b, "%s %d, without a cluster", c.TaskType, c.TaskIndex)
	}
	n := 0
	for _, taskType := range c.taskTypes() {
		for i, address := range c.Spec[taskType] {
			if n++; n > 1 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s %d at %s", taskType, i, address)
			if taskType == c.chiefType() {
				b.WriteString(", the chief")
			}
			if taskType == c.TaskType && i == c.TaskIndex {
				b.WriteString(" <- this process")
			}
		}
	}
	return b.String()
}

func (c Cluster) clone() Cluster {
	c.Spec, c.Service = maps.Clone(c.Spec), maps.Clone(c.Service)
	for taskType, addresses := range c.Spec {
		c.Spec[taskType] = slices.Clone(addresses)
	}
	return c
}

// canTrain returns why this process cannot train, nil when it can.
func (c Cluster) canTrain() error {
	switch {
	case c.TaskType == TaskEvaluator || c.TaskType == TaskPS:
		return fmt.Errorf("TF_CONFIG says that this process is %s %d, which does not train", c.TaskType, c.TaskIndex)
	case c.Master != "":
		return fmt.Errorf(`TF_CONFIG says that this process is %s %d and trains with master %q: only "" (this process) is possible, there is no cluster package yet; TFConfig("") trains it alone`,
			c.TaskType, c.TaskIndex, c.Master)
	}
	return nil
}

// check reports everything that is wrong with the cluster, and computes Master. The
// evaluator's is emptied, as it is not part of it.
func (c *Cluster) check(sessionMaster, evalMaster *string, taskGiven, indexGiven bool) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Spec) == 0 {
		if c.TaskType != TaskWorker {
			fail(`task type is %q: without a cluster it must be "worker"`, c.TaskType)
		}
		if c.TaskIndex != 0 {
			fail("task index is %d: without a cluster it must be 0", c.TaskIndex)
		}
		c.Master, c.EvaluationMaster = orEmpty(sessionMaster), orEmpty(evalMaster)
		return errors.Join(errs...)
	}
	c.checkJobs(fail)
	known := len(c.Spec[c.TaskType])
	switch {
	case !taskGiven:
		fail("there is a cluster, so the task's type must be set")
	case c.TaskType == TaskEvaluator && len(c.Spec[TaskMaster]) > 0:
		fail(`the cluster has a "master": a task of type "evaluator" is not supported beside one`)
	case known == 0 && c.TaskType != TaskEvaluator:
		fail("task type %q is not in the cluster, which has %q", c.TaskType, slices.Sorted(maps.Keys(c.Spec)))
	}
	switch {
	case !indexGiven:
		fail("there is a cluster, so the task's index must be set")
	case c.TaskIndex < 0:
		fail("task index is %d, want at least 0", c.TaskIndex)
	case c.TaskType != TaskEvaluator && known > 0 && c.TaskIndex >= known:
		fail("task index is %d, but the cluster has %d of type %q", c.TaskIndex, known, c.TaskType)
	}
	if evalMaster != nil && taskGiven && c.TaskType != TaskEvaluator {
		fail(`eval_session_master is set for a task of type %q, want it only for "evaluator"`, c.TaskType)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if c.TaskType == TaskEvaluator {
		c.Spec, c.EvaluationMaster = nil, orEmpty(evalMaster)
		return nil
	}
	c.setMaster(sessionMaster)
	return nil
}

// checkJobs reports what is wrong with the addresses.
func (c *Cluster) checkJobs(fail func(string, ...any)) {
	switch chiefs, masters := len(c.Spec[TaskChief]), len(c.Spec[TaskMaster]); {
	case chiefs > 0 && masters > 0:
		fail(`the cluster has a "master": a job "chief" is not supported beside one`)
	case chiefs+masters == 0:
		fail(`the cluster has no "chief", want one`)
	case chiefs+masters > 1:
		fail("the cluster has %d tasks of type %q, want one", chiefs+masters, c.chiefType())
	}
	taken := map[string]string{}
	for _, taskType := range slices.Sorted(maps.Keys(c.Spec)) {
		for i, address := range c.Spec[taskType] {
			task := fmt.Sprintf("%s %d", taskType, i)
			switch {
			case strings.TrimSpace(address) == "":
				fail("the cluster has address %q for %s, want a host and a port", address, task)
			case taken[address] != "":
				fail("the cluster has address %q for %s and for %s", address, taken[address], task)
			}
			taken[address] = task
		}
	}
}

func (c *Cluster) setMaster(sessionMaster *string) {
	tasks := 0
	for _, addresses := range c.Spec {
		tasks += len(addresses)
	}
	switch {
	case sessionMaster != nil:
		c.Master = *sessionMaster
	case tasks > 1:
		c.Master = "grpc://" + c.Spec[c.TaskType][c.TaskIndex]
	}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
