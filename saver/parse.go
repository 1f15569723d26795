package saver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"gorgonia.org/tensor"
)

// parse reads the JSON text of a header token by token. encoding/json's own decoding
// takes "Dtype" for "dtype", the last of two equal keys, and unknown ones: here each is
// an error.
func (h *header) parse(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("its header is not UTF-8")
	}
	if len(text) == 0 || text[0] != '{' {
		return errors.New("its header does not start with {")
	}
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	if err := p.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.key(seen)
		if err != nil {
			return err
		}
		if key == metadataKey {
			err = p.metadata(h.metadata)
		} else {
			err = p.tensor(h, key)
		}
		if err != nil {
			return fmt.Errorf("header key %q: %w", key, err)
		}
	}
	if err := p.delim('}'); err != nil {
		return err
	}
	if _, err := p.Token(); err != io.EOF {
		return fmt.Errorf("its header has something after the last }")
	}
	return nil
}

type parser struct{ *json.Decoder }

func (p parser) token() (json.Token, error) {
	t, err := p.Token()
	if err != nil {
		return nil, fmt.Errorf("its header is not JSON at byte %d: %w", p.InputOffset(), err)
	}
	return t, nil
}

func (p parser) delim(want json.Delim) error {
	t, err := p.token()
	if err == nil && t != want {
		return fmt.Errorf("its header has %v before byte %d, expected %v", t, p.InputOffset(), want)
	}
	return err
}

func (p parser) string() (string, error) {
	t, err := p.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("its header has %v before byte %d, expected a string", t, p.InputOffset())
	}
	return s, nil
}

func (p parser) key(seen map[string]bool) (string, error) {
	key, err := p.string()
	if err == nil && seen[key] {
		return "", fmt.Errorf("its header has the key %q twice", key)
	}
	seen[key] = true
	return key, err
}

// number reads an integer from 0.
func (p parser) number() (int64, error) {
	t, err := p.token()
	if err != nil {
		return 0, err
	}
	text, ok := t.(json.Number)
	n, err := strconv.ParseInt(string(text), 10, 64)
	if !ok || err != nil || n < 0 {
		return 0, fmt.Errorf("its header has %v before byte %d, expected a number from 0", t, p.InputOffset())
	}
	return n, nil
}

func (p parser) metadata(into map[string]string) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.key(seen)
		if err != nil {
			return err
		}
		if into[key], err = p.string(); err != nil {
			return fmt.Errorf("metadata %q: %w", key, err)
		}
	}
	return p.delim('}')
}

func (p parser) tensor(h *header, name string) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	e := entry{name: name}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.key(seen)
		if err != nil {
			return err
		}
		switch key {
		case "dtype":
			text, err := p.string()
			if err != nil {
				return err
			}
			var ok bool
			if e.dtype, ok = dtypeNamed(text); !ok {
				return fmt.Errorf("dtype %q is unknown", text)
			}
		case "shape":
			if err := p.shape(&e); err != nil {
				return err
			}
		case "data_offsets":
			if err := p.offsets(&e); err != nil {
				return err
			}
		default:
			return fmt.Errorf("key %q is unknown", key)
		}
	}
	if len(seen) != 3 {
		return errors.New("expected dtype, shape and data_offsets")
	}
	h.entries = append(h.entries, e)
	return p.delim('}')
}

func (p parser) shape(e *entry) error {
	if err := p.delim('['); err != nil {
		return err
	}
	e.shape = tensor.Shape{} // a scalar's is not nil
	for p.More() {
		n, err := p.number()
		if err != nil {
			return err
		}
		if len(e.shape) == maxAxes {
			return fmt.Errorf("its shape has more than %d axes", maxAxes)
		}
		e.shape = append(e.shape, int(n))
	}
	return p.delim(']')
}

func (p parser) offsets(e *entry) (err error) {
	if err := p.delim('['); err != nil {
		return err
	}
	if e.begin, err = p.number(); err != nil {
		return err
	}
	if e.end, err = p.number(); err != nil {
		return err
	}
	return p.delim(']')
}
