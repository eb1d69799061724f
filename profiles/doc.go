// Package profiles is the language of qtune: a file in, a checked [Profile] or
// [Diagnostics] out.
//
// It owns the words of the language, its functions, its presets and its
// defaults, and every check that needs nothing but the file: types, ranges,
// units, names, references, and what a sweep amounts to. It does not know how
// an engine is started, whether a model folder exists, or what a candidate
// would give; those are asked when a plan is made.
//
// A person's mistake is a diagnostic with its place in the file and what to
// write instead, and all of them are reported at once. Nothing that can be
// written in a file makes [Load] panic, hang, or allocate without bound: the
// size and the nesting of the source are checked before it is parsed
// (source.go), and all evaluation is charged against a budget (guard.go).
package profiles
