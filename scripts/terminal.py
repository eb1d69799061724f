#!/usr/bin/env python3
"""What a terminal showed, as an SVG: stdin to stdout.

Only colours, bold and underlining are understood, which is all that qtune prints
outside of its live view. The picture needs no font but the reader's own.
"""

import html
import re
import sys

LINE, GLYPH, MARGIN = 19, 8.4, 16
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea", "90": "#8b949e"}
WORDS = re.compile(r"\S+(?: \S+)*")
ESCAPE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


def style(codes, now):
    """The style after a colour sequence."""
    for code in codes.split(";"):
        if code in ("", "0"):
            now = {}
        elif code == "1":
            now = {**now, "font-weight": "bold"}
        elif code == "2":
            now = {**now, "opacity": "0.7"}
        elif code == "4":
            now = {**now, "text-decoration": "underline"}
        elif code in COLOURS:
            now = {**now, "fill": COLOURS[code]}
    return now


def spans(line, now):
    """A line as pieces of text with their styles, and the style that it leaves."""
    out, at = [], 0
    for m in ESCAPE.finditer(line):
        out.append((line[at : m.start()], now))
        at = m.end()
        if m.group(2) == "m":
            now = style(m.group(1), now)
    out.append((line[at:], now))
    return [(text, s) for text, s in out if text], now


def main():
    lines = [line.rstrip("\r").expandtabs() for line in sys.stdin.read().rstrip("\n").split("\n")]
    longest = max(len(ESCAPE.sub("", line)) for line in lines)
    width, height = int(longest * GLYPH + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="qtune in a terminal">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>')
    print('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="14" fill="#e6edf3">')
    now = {}
    for i, line in enumerate(lines):
        pieces, now = spans(line, now)
        column, text = 0, ""
        for piece, s in pieces:
            attributes = "".join(f' {name}="{value}"' for name, value in s.items())
            for m in WORDS.finditer(piece): # blanks are left out: SVG folds them
                x, words = MARGIN + (column + m.start()) * GLYPH, m.group()
                text += f'<tspan x="{x:g}"{attributes} textLength="{len(words) * GLYPH:g}">{html.escape(words)}</tspan>'
            column += len(piece)
        if text:
            print(f'<text y="{MARGIN + (i + 1) * LINE - 5}">{text}</text>')
    print("</g>\n</svg>")


main()
