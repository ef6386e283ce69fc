// Package chain makes an audit trail tamper-evident: each entry has a hash over itself and the hash
// before it. A person who has kept an earlier hash can check whether an export still has it.
//
// The hashes are over what the HTTP API shows, so an export can be checked without this program:
//
//	first hash = SHA-256("chessrelay history 1\n" + what + " " + id)
//	hash       = SHA-256(hash before + "\n" + the entry as canonical JSON, without its hash)
//	seal       = SHA-256(last hash + "\n" + stands + "\n" + parts, both as canonical JSON)
//
// Hashes are 64 lower-case hexadecimal digits. Canonical JSON has sorted keys and no space. The
// entries are the changes and the moves, by their log index. Within one index, the change comes
// first, and then its moves by ply.
//
// A trail is computed from what the boards keep anyway, by the same code on each node. Nothing is
// stored for it. There are no goroutines and no locks.
package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Chain computes the hashes of a trail, one after the other.
type Chain struct {
	head string
	buf  []byte
}

// Begin begins the trail of a tournament, round or game.
func Begin(what, id string) *Chain {
	return &Chain{head: digest([]byte("chessrelay history 1\n" + what + " " + id))}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Add adds an entry, which is canonical JSON, and returns its hash.
func (c *Chain) Add(entry []byte) string {
	c.buf = append(append(append(c.buf[:0], c.head...), '\n'), entry...)
	c.head = digest(c.buf)
	return c.head
}

// Head is the last hash.
func (c *Chain) Head() string { return c.head }

// Part is something that belongs to a trail's subject, such as a game to its round.
type Part struct {
	ID   string `json:"id"`
	Seal string `json:"seal"`
}

// Seal is one hash over a whole trail, the present state of its subject, and all parts.
func Seal(head string, stands any, parts []Part) (string, error) {
	a, err := Canonical(stands)
	if err != nil {
		return "", err
	}
	b, err := Canonical(append([]Part{}, parts...))
	if err != nil {
		return "", err
	}
	return digest(fmt.Appendf(nil, "%s\n%s\n%s", head, a, b)), nil
}

// Canonical is v as canonical JSON.
func Canonical(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return canonicalJSON(data)
}

// canonicalJSON makes JSON canonical, without the given keys of the object.
func canonicalJSON(data []byte, without ...string) ([]byte, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if object, ok := v.(map[string]any); ok {
		for _, key := range without {
			delete(object, key)
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
