package pgn

// addComment adds a comment of the main line to the move before it, or to the game.
func (p *parser) addComment(comment string, depth int) error {
	if depth > 0 || comment == "" {
		return nil
	}
	to := &p.g.Comment
	if n := len(p.g.Moves); n > 0 {
		to = &p.g.Moves[n-1].Comment
	}
	if len(*to)+len(comment) > p.Limits.Value {
		return p.fail("the comments of one move are too long")
	}
	if *to != "" {
		comment = *to + " " + comment
	}
	*to = comment
	return nil
}

// comment reads up to the closing brace. It is not whole if the text ends first or the next game
// begins: a missing brace must not swallow the games behind it.
func (p *parser) comment() (_ string, whole bool, err error) {
	p.s.next()
	p.s.raw = true
	defer func() { p.s.raw = false }()
	p.scratch = p.scratch[:0]
	emptyLine := false
	for {
		if p.s.lineStart && (p.s.startsWith(eventTag) || emptyLine && p.s.startsTag()) {
			return p.commentText(), false, nil
		}
		bol := p.s.lineStart
		b := p.s.next()
		if bol {
			emptyLine = b == '\n'
		}
		switch {
		case p.s.err != nil:
			return p.commentText(), false, nil
		case b == '}':
			return p.commentText(), true, nil
		case !p.addCommentByte(b):
			return "", false, p.fail("a comment is too long")
		}
	}
}

func (p *parser) lineComment() (string, error) {
	p.s.next()
	p.scratch = p.scratch[:0]
	for {
		b := p.s.next()
		if p.s.err != nil || b == '\n' {
			return p.commentText(), nil
		}
		if !p.addCommentByte(b) {
			return "", p.fail("a comment is too long")
		}
	}
}

// addCommentByte adds a byte to scratch. It turns white space into one space, which undoes
// wrapping.
func (p *parser) addCommentByte(b byte) bool {
	switch b {
	case ' ', '\n', '\t', '\v', '\f':
		if n := len(p.scratch); n == 0 || p.scratch[n-1] == ' ' {
			return true
		}
		b = ' '
	}
	if len(p.scratch) >= p.Limits.Value {
		return false
	}
	p.scratch = append(p.scratch, b)
	return true
}

// commentText is the comment in scratch.
func (p *parser) commentText() string {
	if n := len(p.scratch); n > 0 && p.scratch[n-1] == ' ' {
		p.scratch = p.scratch[:n-1]
	}
	return cleanSpaces(decodeText(p.scratch))
}
