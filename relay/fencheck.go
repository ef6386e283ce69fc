package relay

import "strings"

// This file decides which readable FEN is a position that a game can go on from. It knows just
// enough about attacks for that.

// colored returns the piece in its colour: 'K' for White is 'k' for Black.
func colored(piece byte, black bool) byte {
	if black {
		return piece + 'a' - 'A'
	}
	return piece
}

func (b *fenBoard) count(piece byte) (n int) {
	for _, p := range b.squares {
		if p == piece {
			n++
		}
	}
	return n
}

func (b *fenBoard) king(black bool) int {
	for sq, p := range b.squares {
		if p == colored('K', black) {
			return sq
		}
	}
	return -1
}

// checkPieces refuses kings, pawns and numbers of pieces that no game leads to and package rules
// cannot handle.
func (b *fenBoard) checkPieces() error {
	for _, black := range []bool{false, true} {
		side := "White"
		if black {
			side = "Black"
		}
		n := func(piece byte) int { return b.count(colored(piece, black)) }
		if n('K') != 1 {
			return badFEN("%s has %d kings", side, n('K'))
		}
		if n('P') > 8 {
			return badFEN("%s has %d pawns", side, n('P'))
		}
		promoted := max(n('Q')-1, 0) + max(n('R')-2, 0) + max(n('B')-2, 0) + max(n('N')-2, 0)
		if promoted > 8-n('P') {
			return badFEN("%s has more pieces than promotions can explain", side)
		}
	}
	for file := range 8 {
		for _, sq := range []int{file, 56 + file} {
			if p := b.squares[sq]; p == 'P' || p == 'p' {
				return badFEN("there is a pawn on the first or the last rank")
			}
		}
	}
	return nil
}

// checkCastling refuses rights without the king and the rook at home, and puts the others in order.
// It reads Shredder-FEN's letters of files (HAha), too: they mean the same in standard chess.
func (b *fenBoard) checkCastling() error {
	if b.castling == "-" {
		return nil
	}
	homes := []struct {
		right, shredder byte
		king, rook      int
		black           bool
	}{
		{'K', 'H', 4, 7, false}, {'Q', 'A', 4, 0, false},
		{'k', 'h', 60, 63, true}, {'q', 'a', 60, 56, true},
	}
	var rights []byte
	for _, h := range homes {
		n := strings.Count(b.castling, string(h.right)) + strings.Count(b.castling, string(h.shredder))
		if n == 0 {
			continue
		}
		if n > 1 {
			return badFEN("the castling rights %q name one twice", b.castling)
		}
		if b.squares[h.king] != colored('K', h.black) || b.squares[h.rook] != colored('R', h.black) {
			return badFEN("the castling right %c has no king and rook at home (Chess960 allows that: set the variant)", h.right)
		}
		rights = append(rights, h.right)
	}
	if len(rights) != len(b.castling) {
		return badFEN("the castling rights %q are not readable", b.castling)
	}
	b.castling = string(rights)
	return nil
}

// checkEnPassant refuses a square that no pawn can just have passed.
func (b *fenBoard) checkEnPassant() error {
	s := b.enPassant
	if s == "-" {
		return nil
	}
	rank, forward, pawn := byte('6'), 8, byte('p')
	if b.black {
		rank, forward, pawn = '3', -8, 'P'
	}
	if len(s) != 2 || s[0] < 'a' || s[0] > 'h' || s[1] != rank {
		return badFEN("the en passant square %q is not on rank %c", s, rank)
	}
	sq := int(s[1]-'1')*8 + int(s[0]-'a')
	if b.squares[sq] != 0 || b.squares[sq+forward] != 0 || b.squares[sq-forward] != pawn {
		return badFEN("no pawn can just have passed the en passant square %s", s)
	}
	return nil
}

// attacked reports whether the side attacks the square.
func (b *fenBoard) attacked(sq int, byBlack bool) bool {
	at := func(df, dr int) (int, bool) {
		file, rank := sq%8+df, sq/8+dr
		return rank*8 + file, file >= 0 && file < 8 && rank >= 0 && rank < 8
	}
	for df := -2; df <= 2; df++ {
		for dr := -2; dr <= 2; dr++ {
			to, ok := at(df, dr)
			if !ok {
				continue
			}
			switch d := df*df + dr*dr; {
			case d == 5 && b.squares[to] == colored('N', byBlack),
				(d == 1 || d == 2) && b.squares[to] == colored('K', byBlack):
				return true
			}
		}
	}
	pawnFrom := -1 // a white pawn attacks upwards, so it stands below
	if byBlack {
		pawnFrom = 1
	}
	for _, df := range []int{-1, 1} {
		if to, ok := at(df, pawnFrom); ok && b.squares[to] == colored('P', byBlack) {
			return true
		}
	}
	for df := -1; df <= 1; df++ {
		for dr := -1; dr <= 1; dr++ {
			if df == 0 && dr == 0 {
				continue
			}
			line := colored('R', byBlack)
			if df != 0 && dr != 0 {
				line = colored('B', byBlack)
			}
			for i := 1; ; i++ {
				to, ok := at(df*i, dr*i)
				if !ok {
					break
				}
				if p := b.squares[to]; p != 0 {
					if p == line || p == colored('Q', byBlack) {
						return true
					}
					break
				}
			}
		}
	}
	return false
}
