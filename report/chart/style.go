package chart

import _ "embed"

// Style is the style sheet of pictures, with the colours of both themes. The
// hues are those of Okabe and Ito (2008), which colour-blind readers can tell
// apart, darkened or lightened until each has a contrast of at least 3 to 1
// against the paper.
//
//go:embed chart.css
var Style string
