package saver

// kept is a checkpoint in the list of those that are kept.
type kept struct {
	path string
	time float64 // seconds since 1970
}

// rotation decides which files stay. It is TensorFlow's CheckpointManager's rule, and it
// is computed from what the state file holds, so that it goes on after a restart.
type rotation struct {
	max        int     // 0 keeps all
	everyHours float64 // 0 or less keeps none for good
	// preserved is when the last file that is kept for good was saved; before there is
	// one, when the directory's first saver was made.
	preserved float64
	list      []kept // oldest first
}

// add appends a checkpoint and returns the rotation after it. At most one file is
// expired, the oldest: it is to be deleted when it is not "".
func (r rotation) add(c kept) (next rotation, expired string) {
	next = r
	if r.max == 0 {
		// All are kept, and the state file lists only the newest.
		next.list = []kept{c}
		return next, ""
	}
	next.list = nil
	for _, k := range r.list {
		if k.path != c.path { // saved anew, it moves to the end
			next.list = append(next.list, k)
		}
	}
	next.list = append(next.list, c)
	if len(next.list) <= r.max {
		return next, ""
	}
	oldest := next.list[0]
	next.list = next.list[1:]
	if r.everyHours > 0 && oldest.time-r.everyHours*3600 >= r.preserved {
		// It leaves the list, so that the list stays short, and is never deleted.
		next.preserved = oldest.time
		return next, ""
	}
	return next, oldest.path
}

func (r rotation) state() State {
	s := State{LastPreserved: r.preserved}
	for _, k := range r.list {
		s.Paths = append(s.Paths, k.path)
		s.Times = append(s.Times, k.time)
		s.Newest = k.path
	}
	return s
}
