package show

import (
	"encoding/xml"
	"io"

	"github.com/qtune/qtune/compare"
)

// The elements of JUnit's XML that CI systems read, in the order that its schema has.
type (
	testSuites struct {
		XMLName  xml.Name  `xml:"testsuites"`
		Name     string    `xml:"name,attr"`
		Tests    int       `xml:"tests,attr"`
		Failures int       `xml:"failures,attr"`
		Errors   int       `xml:"errors,attr"`
		Suite    testSuite `xml:"testsuite"`
	}
	testSuite struct {
		Name       string     `xml:"name,attr"`
		Tests      int        `xml:"tests,attr"`
		Failures   int        `xml:"failures,attr"`
		Errors     int        `xml:"errors,attr"`
		Skipped    int        `xml:"skipped,attr"`
		Time       string     `xml:"time,attr"`
		Properties []property `xml:"properties>property"`
		Cases      []testCase `xml:"testcase"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testCase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Skipped *problem `xml:"skipped"`
		Error   *problem `xml:"error"`
		Failure *problem `xml:"failure"`
		Out     string   `xml:"system-out,omitempty"`
	}
	problem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
	}
)

// JUnit writes a comparison as test results. With a gate its checks are the tests:
// what is slower fails, what cannot be told is skipped. Without one every figure that
// is shown is a test that passes, or is skipped. A refused comparison is an error.
func JUnit(w io.Writer, c *compare.Comparison, o Options) error {
	p := newPage(c, o)
	s := testSuite{Name: p.plainMark(p.Say("compare.title", c.A.Name, c.B.Name)), Time: "0"}
	for _, v := range []property{{"a", c.A.Source}, {"b", c.B.Source}, {"marks", p.marks()}, {"method", p.method()}} {
		if v.Value != "" {
			s.Properties = append(s.Properties, property{v.Name, printable(v.Value)})
		}
	}
	switch {
	case !c.Comparable() && !o.Forced:
		for _, r := range c.Reasons {
			text := p.plainMark(p.reason(r))
			s.add(testCase{Name: "comparable: " + r.Code, Class: "qtune.compare", Error: &problem{Message: text, Type: "not-comparable"}})
		}
	case c.Gate != nil:
		p.checks(&s)
	default:
		p.figures(&s)
	}
	all := testSuites{Name: "qtune compare", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Suite: s}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *testSuite) add(c testCase) {
	c.Time = "0"
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// plainMark is a text that says what every line has to.
func (p *page) plainMark(text string) string {
	if mark := p.marks(); mark != "" {
		text += " (" + mark + ")"
	}
	return printable(text)
}

func (p *page) checks(s *testSuite) {
	g := p.c.Gate
	for i, text := range p.gate() {
		k := &g.Checks[i]
		text = p.plainMark(text)
		c := testCase{Name: p.plainMark(k.Metric), Class: p.level(k.Workload, k.Level), Out: text}
		switch k.Outcome {
		case compare.Slower:
			c.Failure, c.Out = &problem{Message: text, Type: "slower"}, ""
		case compare.Open:
			c.Skipped, c.Out = &problem{Message: text}, ""
		}
		s.add(c)
	}
}

func (p *page) figures(s *testSuite) {
	for i := range p.c.Levels {
		l := &p.c.Levels[i]
		for _, r := range p.rows(l) {
			a, b, unit := quoted(r)
			text := p.plainMark(p.verdict(r.Verdict) + ": " + a + " → " + b + " " + unit + ", " + p.change(r) + " (" + p.interval(r) + ")")
			c := testCase{Name: p.plainMark(r.Metric.Name), Class: p.level(l.Workload, l.Name), Out: text}
			if r.Verdict == compare.Unsure {
				c.Skipped, c.Out = &problem{Message: text}, ""
			}
			s.add(c)
		}
	}
}
