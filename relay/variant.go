package relay

// ParseVariant reads the variant in the spellings that are met, such as "Chess 960", "fischerandom" or
// "From Position", and returns [Chess960], or an empty text for standard chess. Another variant is an [ErrVariant].
func ParseVariant(s string) (string, error) {
	if len(s) > MaxShortText {
		return "", bad("variant", "is too long")
	}
	letters := make([]byte, 0, len(s)) // in lower case, without spaces and signs
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			letters = append(letters, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			letters = append(letters, c)
		}
	}
	switch string(letters) {
	case "", "standard", "chess", "normal", "classical", "orthodox", "fromposition":
		return "", nil
	case "chess960", "960", "fischerandom", "fischerrandom", "frc", "freestyle", "freestylechess":
		return Chess960, nil
	}
	return "", &variantError{"the variant \"" + clip(s, 32) + "\" is not supported: only standard chess and Chess960 are"}
}
