// Package terminal has what commands print with. [Clean] and [CleanWriter] make text from servers
// harmless, [Table] and [Wrap] fit the width, and [Display] draws a picture again in place. The
// package has no goroutines and no locks.
package terminal
