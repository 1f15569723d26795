package saver

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseState reads protobuf's text format of a CheckpointState: what TensorFlow writes
// and what a person may have edited. Comments, lists in brackets, separators and strings
// in pieces are understood; unknown fields are errors, as in protobuf.
func parseState(text string) (*State, error) {
	p := &stateParser{text: text}
	s := &State{}
	seen := map[string]bool{}
	for p.skip(); p.text != ""; p.skip() {
		name := p.word()
		if err := p.expect(':'); err != nil {
			return nil, fmt.Errorf("after %q: %w", name, err)
		}
		var err error
		switch name {
		case "model_checkpoint_path":
			s.Newest, err = p.string()
		case "all_model_checkpoint_paths":
			err = p.list(func() error {
				path, err := p.string()
				s.Paths = append(s.Paths, path)
				return err
			})
		case "all_model_checkpoint_timestamps":
			err = p.list(func() error {
				t, err := p.number()
				s.Times = append(s.Times, t)
				return err
			})
		case "last_preserved_timestamp":
			s.LastPreserved, err = p.number()
		default:
			return nil, fmt.Errorf("unknown field %q", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if seen[name] && !strings.HasPrefix(name, "all_") {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		p.separator()
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.normalize()
	return s, nil
}

type stateParser struct{ text string }

// skip passes over spaces and comments.
func (p *stateParser) skip() {
	for {
		p.text = strings.TrimLeft(p.text, " \t\n\r\v\f")
		if !strings.HasPrefix(p.text, "#") {
			return
		}
		_, p.text, _ = strings.Cut(p.text, "\n")
	}
}

func (p *stateParser) peek() byte {
	p.skip()
	if p.text == "" {
		return 0
	}
	return p.text[0]
}

func (p *stateParser) expect(c byte) error {
	if got := p.peek(); got != c {
		return fmt.Errorf("found %q, expected %q", got, c)
	}
	p.text = p.text[1:]
	return nil
}

func (p *stateParser) separator() {
	if c := p.peek(); c == ',' || c == ';' {
		p.text = p.text[1:]
	}
}

// word takes a field's name or a number.
func (p *stateParser) word() string {
	p.skip()
	n := 0
	for n < len(p.text) {
		c := p.text[n]
		if c != '_' && c != '.' && c != '+' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		n++
	}
	word := p.text[:n]
	p.text = p.text[n:]
	return word
}

func (p *stateParser) list(item func() error) error {
	if p.peek() != '[' {
		return item()
	}
	p.text = p.text[1:]
	if p.peek() == ']' {
		return p.expect(']')
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if p.peek() != ',' {
			return p.expect(']')
		}
		p.text = p.text[1:]
	}
}

func (p *stateParser) number() (float64, error) {
	word := p.word()
	lower := strings.ToLower(word)
	digits := strings.TrimSuffix(lower, "f")
	if strings.HasSuffix(lower, "inf") {
		digits = lower
	}
	x, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(x) || strings.ContainsAny(digits, "xp_") {
		return 0, fmt.Errorf("found %q, expected a number", word)
	}
	return x, nil
}

// string takes one string, which may be in several quoted pieces.
func (p *stateParser) string() (string, error) {
	var b strings.Builder
	if c := p.peek(); c != '"' && c != '\'' {
		return "", fmt.Errorf("found %q, expected a quoted string", c)
	}
	for {
		quote := p.peek()
		if quote != '"' && quote != '\'' {
			break
		}
		p.text = p.text[1:]
		if err := p.piece(&b, quote); err != nil {
			return "", err
		}
	}
	if !utf8.ValidString(b.String()) {
		return "", fmt.Errorf("%q is not UTF-8", b.String())
	}
	return b.String(), nil
}

func (p *stateParser) piece(b *strings.Builder, quote byte) error {
	for {
		i := strings.IndexAny(p.text, "\\\n\"'")
		if i < 0 || p.text[i] == '\n' {
			return errors.New("a string has no end")
		}
		b.WriteString(p.text[:i])
		c := p.text[i]
		p.text = p.text[i+1:]
		switch {
		case c == quote:
			return nil
		case c != '\\':
			b.WriteByte(c)
		default:
			if err := p.escape(b); err != nil {
				return err
			}
		}
	}
}

var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '\'': '\'', '"': '"', '?': '?',
}

// escape takes what follows a backslash.
func (p *stateParser) escape(b *strings.Builder) error {
	if p.text == "" {
		return errors.New("a string has no end")
	}
	c := p.text[0]
	if simple, ok := simpleEscapes[c]; ok {
		b.WriteByte(simple)
		p.text = p.text[1:]
		return nil
	}
	switch {
	case c >= '0' && c <= '7':
		return p.code(b, 8, 1, 3)
	case c == 'x' || c == 'X':
		p.text = p.text[1:]
		return p.code(b, 16, 1, 2)
	case c == 'u':
		p.text = p.text[1:]
		return p.code(b, 16, 4, 4)
	case c == 'U':
		p.text = p.text[1:]
		return p.code(b, 16, 8, 8)
	}
	return fmt.Errorf(`unknown escape \%c`, c)
}

// code takes the digits of a byte, or of a rune when there are four or more.
func (p *stateParser) code(b *strings.Builder, base, least, most int) error {
	n := 0
	for n < most && n < len(p.text) && digit(p.text[n]) < base {
		n++
	}
	x, err := strconv.ParseUint(p.text[:n], base, 32)
	switch {
	case n < least || err != nil:
		return fmt.Errorf("an escape has %d digits, expected %d", n, least)
	case least >= 4:
		if x > utf8.MaxRune || !utf8.ValidRune(rune(x)) {
			return fmt.Errorf("an escape has %#x, expected a character", x)
		}
		b.WriteRune(rune(x))
	case x > 0xff:
		return fmt.Errorf("an escape has %#o, expected a byte", x)
	default:
		b.WriteByte(byte(x))
	}
	p.text = p.text[n:]
	return nil
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}

// quote writes s as protobuf does: bytes that are not printable ASCII in octal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '"' || c == '\\' || c == '\'':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
