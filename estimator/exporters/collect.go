package exporters

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Version is a directory whose name is a number.
type Version struct {
	// Path is the directory, Number its name.
	Path   string
	Number int64
}

// Versions returns the versions in dir in ascending order of their numbers. Whatever else
// is there is left out. A directory that does not exist has none.
func Versions(dir string) ([]Version, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("exporters: %w", err)
	}
	var all []Version
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Name(), 10, 64)
		if err == nil && n >= 0 && strconv.FormatInt(n, 10) == e.Name() && e.IsDir() {
			all = append(all, Version{Path: filepath.Join(dir, e.Name()), Number: n})
		}
	}
	slices.SortFunc(all, func(a, b Version) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// Policy returns those of the versions, given in ascending order, that it picks.
type Policy func([]Version) []Version

// Largest picks the n versions of the greatest numbers.
func Largest(n int) Policy {
	return func(all []Version) []Version { return all[len(all)-max(0, min(n, len(all))):] }
}

// OneOfEvery picks, of versions 1 to n, n+1 to 2n and so on, the greatest that is there.
// Version 0 belongs to the first of these.
func OneOfEvery(n int64) Policy {
	return func(all []Version) (picked []Version) {
		bucket := func(v Version) int64 { return max(0, v.Number-1) / max(n, 1) }
		for i, v := range all {
			if i+1 == len(all) || bucket(all[i+1]) != bucket(v) {
				picked = append(picked, v)
			}
		}
		return picked
	}
}

// Multiples picks the versions that n divides.
func Multiples(n int64) Policy {
	return func(all []Version) []Version {
		return pick(all, func(v Version) bool { return n != 0 && v.Number%n == 0 })
	}
}

// Union picks what any of the policies picks.
func Union(policies ...Policy) Policy {
	return func(all []Version) []Version {
		picked := map[Version]bool{}
		for _, p := range policies {
			for _, v := range p(all) {
				picked[v] = true
			}
		}
		return pick(all, func(v Version) bool { return picked[v] })
	}
}

// Not picks what the policy does not.
func Not(policy Policy) Policy {
	return func(all []Version) []Version {
		picked := policy(all)
		return pick(all, func(v Version) bool { return !slices.Contains(picked, v) })
	}
}

func pick(all []Version, is func(Version) bool) (picked []Version) {
	for _, v := range all {
		if is(v) {
			picked = append(picked, v)
		}
	}
	return picked
}

// Collect removes the versions in dir that the policy does not pick.
func Collect(dir string, keep Policy) error {
	all, err := Versions(dir)
	if err != nil {
		return err
	}
	for _, v := range Not(keep)(all) {
		if err := os.RemoveAll(v.Path); err != nil {
			return fmt.Errorf("exporters: %w", err)
		}
	}
	return nil
}
