package profiles

import "github.com/hashicorp/hcl/v2"

// Code says what kind of problem a diagnostic is: a short word that stays the same
// when its text is put better, for people to look up and for programs to tell by.
type Code string

const (
	codeUnreadable        Code = "unreadable"
	codeSyntax            Code = "syntax"
	codeUnknownWord       Code = "unknown_word"
	codeUnknownName       Code = "unknown_name"
	codeNotBuilt          Code = "not_built"
	codeMissing           Code = "missing"
	codeTwice             Code = "twice"
	codeConflict          Code = "conflict"
	codeWrongType         Code = "wrong_type"
	codeBadValue          Code = "bad_setting"
	codeBadName           Code = "bad_name"
	codeNotComputed       Code = "not_computed"
	codeCircle            Code = "circle"
	codeTooLarge          Code = "too_large"
	codeVariableUnset     Code = "variable_unset"
	codeVariableRefused   Code = "variable_refused"
	codeShowsSecret       Code = "shows_secret"
	codeUnknownFlag       Code = "unknown_flag"
	codeRefusedFlag       Code = "refused_flag"
	codeDoubtfulFlag      Code = "doubtful_flag"
	codeNothingLeft       Code = "nothing_left"
	codeTooManyCandidates Code = "too_many_candidates"
	codeLevelNotOne       Code = "level_not_one"
	codeNoEffect          Code = "no_effect"
	codeNotDeployable     Code = "not_deployable"
	codeRemoteCode        Code = "remote_code"
)

// CodeText is what is told of a code.
type CodeText struct {
	Code   Code
	Means  string // what is wrong
	Remedy string // what to do about it
}

// Codes tells of every code, in the order in which a profile is read. The texts are
// Markdown.
func Codes() []CodeText {
	return append(wordCodes(), flagCodes()...)
}

// wordCodes are those of the file and its words.
func wordCodes() []CodeText {
	return []CodeText{
		{codeUnreadable, "the profile, or a file that it names, cannot be read, or is no text", "check the path; a profile is one `.hcl` file of at most 1 MiB"},
		{codeSyntax, "HCL cannot read it: a brace, a quote or an equals sign is missing or too many", "look at the line named and the one before it; `qtune fmt -diff FILE`"},
		{codeUnknownWord, "a block, setting or word that the language does not have", "the message names the nearest one, or all; docs/profile.md"},
		{codeUnknownName, "a variable, local, preset, card or flag is named, and nothing of that name is there", "declare it, or take the name that the message suggests; a text stands in quotes"},
		{codeNotBuilt, "a word that is planned, and that this version does not carry out", "take it out"},
		{codeMissing, "a block or a setting that has to be there", "the message shows one"},
		{codeTwice, "the same block, setting, value or load a second time", "take one out; the message says where the first stands"},
		{codeConflict, "two settings that exclude each other", "take one out"},
		{codeWrongType, "a text where a number is wanted, a number without its unit, an attribute written as a block, and the like", "the message says what is there, and what to write"},
		{codeBadValue, "of the right type, and not allowed: out of range, empty, none of the words", "the message names what is allowed"},
		{codeBadName, "a label, flag or variable whose name cannot be one", "the message says what names are made of"},
		{codeNotComputed, "an expression that has no value: there is no such function, or it refused its arguments, a number is too large, `where` compares what cannot be compared", "the message quotes the reason"},
		{codeCircle, "locals that need each other", "write one of them out"},
		{codeTooLarge, "more blocks, axes, values, brackets or steps than are worth computing", "make it smaller; the message has the limit"},
		{codeVariableUnset, "a variable without a default that nobody has set", "`--var NAME=VALUE`, `--var-file FILE`, or `QTUNE_VAR_NAME` in the environment"},
		{codeVariableRefused, "a `validation` block of the profile refuses the value", "the profile's own message says why"},
		{codeShowsSecret, "a secret would be written into plans and reports", "secrets may stand in `flags` and `env`, and nowhere else"},
	}
}

// flagCodes are those of flags, candidates and goals.
func flagCodes() []CodeText {
	return []CodeText{
		{codeUnknownFlag, "the engine has no flag of that name, or qtune has not heard of it", "the nearest one is named; `allow_unknown_flags = true` passes it on all the same; `qtune doctor FILE --engine` asks the image"},
		{codeRefusedFlag, "the flag is there, and the engine would refuse it: removed in this version, a value that it does not take, a flag that qtune sets itself", "the message names what took its place"},
		{codeDoubtfulFlag, "a flag, value or variable that does not do what one may think: nothing at all in this version, something slow, or something that is on its way out", "the message says what it does; an axis that does nothing multiplies the trials for nothing"},
		{codeNothingLeft, "`where` excludes every candidate", "loosen it"},
		{codeTooManyCandidates, "more candidates than can be gone through one by one", "`strategy = \"auto\"`, a budget, or fewer values"},
		{codeLevelNotOne, "`at` selects no load, or several", "the message lists the loads, each as it is written"},
		{codeNoEffect, "a setting that does nothing here", "take it out"},
		{codeNotDeployable, "an engine that could win and cannot be left running as a container", "take `deploy` out, or give the engine an image"},
		{codeRemoteCode, "a flag that runs code which comes with the model", "pin `model.revision`; SECURITY.md"},
	}
}

// codeOf is the code of a diagnostic. Those that HCL makes itself while it evaluates
// bear none.
func codeOf(g *hcl.Diagnostic) Code {
	if c, ok := g.Extra.(Code); ok {
		return c
	}
	return codeNotComputed
}
