package estimatortest

// Rules returns the names of the rules.
func Rules() (names []string) {
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

// CheckRule checks one rule.
func CheckRule(name string, s Subject) error {
	for _, r := range rules {
		if r.name == name {
			return r.apply(s)
		}
	}
	panic("no rule " + name)
}
