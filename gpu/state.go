package gpu

// State is how a card is set and what it runs at. A zero is a figure that the
// driver does not tell.
type State struct {
	Index        int
	Persistence  string  // "on" or "off"; "" where it is not told
	PowerLimitW  float64 // the cap in force
	PowerMostW   float64 // the highest cap that may be set
	PowerUsualW  float64 // the card's default cap
	TemperatureC int
	ClockMHz     int  // of the multiprocessors, now
	ClockMaxMHz  int  // the highest that the card does
	Throttled    bool // a thermal or hardware power brake slows the card now
}
