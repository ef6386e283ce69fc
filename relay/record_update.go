package relay

import (
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file has the records of updates and corrections.

// kindNumbers is ChangeRecord.kind. Takebacks and results are both 0, as when there was nothing
// else.
var kindNumbers = map[ChangeKind]uint32{ChangeCorrection: 1, ChangeTags: 2, ChangeUnlock: 3, ChangeDelete: 10, ChangeRestore: 11}

func kindFrom(c *relaypb.ChangeRecord) ChangeKind {
	switch {
	case c.Kind == 1:
		return ChangeCorrection
	case c.Kind == 2:
		return ChangeTags
	case c.Kind == 3:
		return ChangeUnlock
	case c.Kind == kindNumbers[ChangeDelete]:
		return ChangeDelete
	case c.Kind == kindNumbers[ChangeRestore]:
		return ChangeRestore
	case c.Result != "":
		return ChangeResult
	}
	return ChangeTakeback
}

// mapped returns f of each element; nil for an empty list.
func mapped[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func tagRecords(tags []Tag) []*relaypb.Tag {
	return mapped(tags, func(t Tag) *relaypb.Tag { return &relaypb.Tag{Name: t.Name, Value: t.Value} })
}

func tagsFrom(tags []*relaypb.Tag) []Tag {
	return mapped(tags, func(t *relaypb.Tag) Tag { return Tag{t.Name, t.Value} })
}

func fieldRecords(fields []FieldChange) []*relaypb.FieldRecord {
	return mapped(fields, func(f FieldChange) *relaypb.FieldRecord {
		return &relaypb.FieldRecord{Name: f.Name, Was: f.Was, Now: f.Now}
	})
}

func fieldsFrom(fields []*relaypb.FieldRecord) []FieldChange {
	return mapped(fields, func(f *relaypb.FieldRecord) FieldChange { return FieldChange{f.Name, f.Was, f.Now} })
}

func updateRecords(updates []Update) []*relaypb.UpdateRecord {
	return mapped(updates, func(u Update) *relaypb.UpdateRecord {
		return &relaypb.UpdateRecord{
			Request: u.Request, At: int64(u.At), By: u.By, Reason: u.Reason, Index: u.Index, Term: u.Term,
			Fields: fieldRecords(u.Fields),
		}
	})
}

func updatesFrom(updates []*relaypb.UpdateRecord) []Update {
	return mapped(updates, func(u *relaypb.UpdateRecord) Update {
		return Update{
			Request: u.Request, At: Millis(u.At), By: u.By, Reason: u.Reason, Index: u.Index, Term: u.Term,
			Fields: fieldsFrom(u.Fields),
		}
	})
}
