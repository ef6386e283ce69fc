package chain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Document is an export of a trail: the answer of GET …/history.
type Document struct {
	What string // "tournament", "round" or "game"
	ID   string
	Head string
	Seal string // empty if there is none

	entries []entry
	stands  json.RawMessage
	parts   []Part
	partsOf string
}

// entry is one entry of an export.
type entry struct {
	name  string // for people, such as "history[2] (correction at index 17)"
	hash  string
	index uint64
	ply   int // 0 of a change
	json  []byte
}

// entryFields are the fields of an entry that the check needs.
type entryFields struct {
	Hash  string `json:"hash"`
	Index uint64 `json:"index"`
	Ply   int    `json:"ply"`
	Kind  string `json:"kind"`
}

// Parse reads an export.
func Parse(data []byte) (*Document, error) {
	var in struct {
		Tournament, Round, Game string
		History, Moves          []json.RawMessage
		Rounds, Games           []Part
		Stands                  json.RawMessage
		Head, Seal              string
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("it is not the JSON of a history: %w", err)
	}
	d := &Document{Head: in.Head, Seal: in.Seal, stands: in.Stands}
	switch {
	case in.Game != "":
		d.What, d.ID = "game", in.Game
	case in.Round != "":
		d.What, d.ID, d.parts, d.partsOf = "round", in.Round, in.Games, "game"
	case in.Tournament != "":
		d.What, d.ID, d.parts, d.partsOf = "tournament", in.Tournament, in.Rounds, "round"
	}
	if !relay.ValidID(d.ID) || !isHash(d.Head) || in.History == nil || d.Seal != "" && !isHash(d.Seal) {
		return nil, errors.New("it is not an answer of GET …/history: the id, the history or its head is missing")
	}
	for _, p := range d.parts {
		if !relay.ValidID(p.ID) || !isHash(p.Seal) {
			return nil, fmt.Errorf("%.20q is not an id, or %.80q is not a seal", p.ID, p.Seal)
		}
	}
	for _, list := range []struct {
		name string
		of   []json.RawMessage
	}{{"history", in.History}, {"moves", in.Moves}} {
		for i, raw := range list.of {
			e, err := parseEntry(raw, fmt.Sprintf("%s[%d]", list.name, i))
			if err != nil {
				return nil, err
			}
			d.entries = append(d.entries, e)
		}
	}
	return d, nil
}

func isHash(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

func parseEntry(raw []byte, name string) (entry, error) {
	var l entryFields
	if err := json.Unmarshal(raw, &l); err != nil {
		return entry{}, fmt.Errorf("%s: %w", name, err)
	}
	if !isHash(l.Hash) {
		return entry{}, fmt.Errorf("%s has no hash", name)
	}
	data, err := canonicalJSON(raw, "hash")
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", name, err)
	}
	if strings.HasPrefix(name, "history") {
		l.Ply = 0
	}
	what := "update"
	if l.Kind != "" && strings.Trim(l.Kind, "abcdefghijklmnopqrstuvwxyz") == "" {
		what = l.Kind
	}
	if l.Ply > 0 {
		what = fmt.Sprintf("ply %d", l.Ply)
	}
	return entry{fmt.Sprintf("%s (%s at index %d)", name, what, l.Index), l.Hash, l.Index, l.Ply, data}, nil
}

// Has reports whether a hash that was kept earlier is in this trail.
func (d *Document) Has(hash string) bool {
	return hash == d.Seal || hash == Begin(d.What, d.ID).Head() ||
		slices.ContainsFunc(d.entries, func(e entry) bool { return e.hash == hash })
}

// Len is the number of entries.
func (d *Document) Len() int { return len(d.entries) }

// Check returns a sentence for each fault; nil if the trail is whole.
func (d *Document) Check() (faults []string) {
	sorted := slices.Clone(d.entries)
	slices.SortStableFunc(sorted, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.ply, b.ply))
	})
	faults = d.outOfOrder()
	before, name := Begin(d.What, d.ID).Head(), "the beginning"
	for _, e := range sorted {
		if (&Chain{head: before}).Add(e.json) != e.hash {
			faults = append(faults, d.explainBreak(e, name))
		}
		before, name = e.hash, e.name
	}
	if before != d.Head {
		faults = append(faults, fmt.Sprintf("the head is not the hash of %s, the last entry here: entries after it are missing, or the head was changed", name))
	}
	if d.Seal != "" {
		if seal, err := Seal(d.Head, d.stands, d.parts); err != nil || seal != d.Seal {
			faults = append(faults, "the seal does not match: stands, or a part, was changed")
		}
	}
	return faults
}

// explainBreak says how an entry may have come to a hash that does not follow from the one before.
func (d *Document) explainBreak(e entry, before string) string {
	for _, other := range append([]entry{{name: "the beginning", hash: Begin(d.What, d.ID).Head()}}, d.entries...) {
		if (&Chain{head: other.hash}).Add(e.json) == e.hash {
			return fmt.Sprintf("%s follows %s, and not %s: entries were reordered, or some were put in between", e.name, other.name, before)
		}
	}
	return fmt.Sprintf("%s does not follow from %s: it was changed, or what was between them is missing", e.name, before)
}

// outOfOrder finds entries that stand before older ones in their list.
func (d *Document) outOfOrder() (faults []string) {
	for i := 1; i < len(d.entries); i++ {
		a, b := d.entries[i-1], d.entries[i]
		if (a.ply > 0) == (b.ply > 0) && (b.index < a.index || b.index == a.index && b.ply <= a.ply && b.ply > 0) {
			faults = append(faults, fmt.Sprintf("%s comes after %s, which is newer: they were reordered", b.name, a.name))
		}
	}
	return faults
}

// Parts are the ids and seals of the parts, and what kind of part they are.
func (d *Document) Parts() (what string, parts []Part) { return d.partsOf, d.parts }
