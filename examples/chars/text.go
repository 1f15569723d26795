package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/stheno-ml/stheno/datasets"
)

// window is how many characters a row has: as far back as the network can look.
const window = 50

//go:embed queries.txt
var queries string

var file = flag.String("text", "", "file with text in UTF-8, instead of the embedded one")

// corpus is a text as numbers.
type corpus struct {
	vocabulary  []rune // the characters in the order of their numbers
	numbers     map[rune]int64
	train, test *datasets.Dataset // the first nine tenths of the text and the rest
}

// readCorpus reads the file of -text, or the embedded text.
func readCorpus() (*corpus, error) {
	if *file == "" {
		return newCorpus("queries.txt", queries)
	}
	b, err := os.ReadFile(*file)
	if err != nil {
		return nil, err
	}
	return newCorpus(*file, string(b))
}

func newCorpus(name, text string) (*corpus, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: it is not UTF-8", name)
	}
	runes := []rune(text)
	if least := 10 * (window + 1); len(runes) < least {
		return nil, fmt.Errorf("%s: it has %d characters, want at least %d", name, len(runes), least)
	}
	c := &corpus{vocabulary: slices.Clone(runes), numbers: map[rune]int64{}}
	slices.Sort(c.vocabulary)
	c.vocabulary = slices.Compact(c.vocabulary)
	for i, r := range c.vocabulary {
		c.numbers[r] = int64(i)
	}
	ids := make([]int64, len(runes))
	for i, r := range runes {
		ids[i] = c.numbers[r]
	}
	cut := len(ids) * 9 / 10
	c.train, c.test = rows(ids[:cut]), rows(ids[cut:])
	return c, nil
}

// rows cuts a text into rows of window characters; the labels are the characters that
// follow each of them.
func rows(ids []int64) *datasets.Dataset {
	var x, y [][]int64
	for i := 0; i+window < len(ids); i += window {
		x, y = append(x, ids[i:i+window]), append(y, ids[i+1:i+1+window])
	}
	return datasets.FromTensors(x, y)
}
