package estimator

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// tfConfigVariable is the environment variable that describes a cluster to its tasks.
const tfConfigVariable = "TF_CONFIG"

// ParseTFConfig reads the JSON document that TensorFlow's cluster managers (Kubeflow, AI
// Platform) put into the environment variable TF_CONFIG:
//
//	{"cluster": {"chief": ["host0:2222"], "worker": ["host1:2222"], "ps": ["host2:2222"]},
//	 "task": {"type": "worker", "index": 0}}
//
// A cluster has exactly one chief (or, as it was called before, master), and the task's
// type and index must be given and be in it; an evaluator is not. Without a cluster the
// task is worker 0. Other keys: session_master, eval_session_master, service (an object),
// model_dir. What is not known is ignored. "" is a process that is alone.
//
// The error reports everything that is wrong with the document.
func ParseTFConfig(text string) (Cluster, error) {
	c := alone()
	if strings.TrimSpace(text) == "" {
		return c, nil
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return Cluster{}, fmt.Errorf("%s is not a JSON object: %w", tfConfigVariable, err)
	}
	var errs []error
	read := func(in map[string]json.RawMessage, where, key string, to any, want string) (given bool) {
		raw, ok := in[key]
		if !ok || string(raw) == "null" {
			return false
		}
		if err := json.Unmarshal(raw, to); err != nil {
			errs = append(errs, fmt.Errorf("%s%s is %s, want %s", where, key, short(raw), want))
		}
		return true
	}
	var jobs, task map[string]json.RawMessage
	read(document, "", "cluster", &jobs, "an object with a list of addresses for each type of task")
	for _, taskType := range slices.Sorted(maps.Keys(jobs)) {
		var addresses []string
		if read(jobs, "cluster: ", taskType, &addresses, "a list of addresses") && len(addresses) > 0 {
			if c.Spec == nil {
				c.Spec = map[string][]string{}
			}
			c.Spec[taskType] = addresses
		}
	}
	clusterRead := len(errs) == 0
	read(document, "", "task", &task, "an object with type and index")
	taskGiven := read(task, "task: ", "type", &c.TaskType, "text") && c.TaskType != ""
	if !taskGiven {
		c.TaskType = TaskWorker
	}
	var index taskIndex
	indexGiven := read(task, "task: ", "index", &index, "a whole number")
	c.TaskIndex = int(index)
	var sessionMaster, evalMaster *string
	read(document, "", "session_master", &sessionMaster, "text")
	read(document, "", "eval_session_master", &evalMaster, "text")
	read(document, "", "service", &c.Service, "an object")
	if read(document, "", "model_dir", &c.ModelDir, "text") && strings.TrimSpace(c.ModelDir) == "" {
		errs = append(errs, fmt.Errorf("model_dir is %q, want the name of a directory", c.ModelDir))
	}
	if clusterRead { // else whatever the task is would not fit
		errs = append(errs, c.check(sessionMaster, evalMaster, taskGiven, indexGiven))
	}
	if err := errors.Join(errs...); err != nil {
		return Cluster{}, fmt.Errorf("%s: %w", tfConfigVariable, err)
	}
	return c, nil
}

// taskIndex is a whole number, which some cluster managers write as text.
type taskIndex int

// UnmarshalJSON reads 3 and "3".
func (i *taskIndex) UnmarshalJSON(raw []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*i = taskIndex(n)
	return err
}

// short is JSON text for an error.
func short(raw json.RawMessage) string {
	if text := string(raw); len(text) <= 60 {
		return text
	}
	return string(raw[:60]) + "..."
}
