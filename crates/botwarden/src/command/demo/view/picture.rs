//! The live view as an SVG picture of a terminal, for the documentation.

use std::fmt::Write;

use super::line::{Ink, Line};
use super::row::WIDTH;
use super::screen::Screen;

/// Of one character, in CSS pixels: the usual proportions of a monospaced face at 13 px.
const CHAR_WIDTH: f64 = 7.8;
const LINE_HEIGHT: f64 = 18.0;
const FONT_SIZE: f64 = 13.0;
const MARGIN: f64 = 16.0;
const BACKGROUND: &str = "#14181d";

/// Everything the screen has shown.
pub(in super::super) fn picture(screen: &Screen) -> String {
    draw(screen.kept())
}

fn draw(lines: &[Line]) -> String {
    let width = 2.0 * MARGIN + WIDTH as f64 * CHAR_WIDTH;
    let height = 2.0 * MARGIN + lines.len() as f64 * LINE_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-size=\"{FONT_SIZE}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (row, line) in lines.iter().enumerate() {
        let baseline = MARGIN + row as f64 * LINE_HEIGHT + FONT_SIZE;
        draw_line(&mut svg, line, baseline);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Each piece has its own place and length, so that columns stand even where the face has other proportions.
fn draw_line(svg: &mut String, line: &Line, baseline: f64) {
    let mut column = 0;
    for (ink, text) in &line.0 {
        let columns = text.chars().count();
        let shown = text.trim_end();
        let at = MARGIN + (column + columns - text.trim_start().chars().count()) as f64 * CHAR_WIDTH;
        let length = shown.trim_start().chars().count() as f64 * CHAR_WIDTH;
        if !shown.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{baseline:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {}>{}</text>",
                paint(*ink),
                escape(shown.trim_start())
            );
        }
        column += columns;
    }
}

fn paint(ink: Ink) -> &'static str {
    match ink {
        Ink::Plain => "fill=\"#d5dae0\"",
        Ink::Dim => "fill=\"#8b949e\"",
        Ink::Strong => "fill=\"#f0f3f6\" font-weight=\"bold\"",
        Ink::Good => "fill=\"#57c785\"",
        Ink::Stop => "fill=\"#ff7b72\"",
        Ink::Open => "fill=\"#e3b341\"",
        Ink::Wrong => "fill=\"#ffffff\" font-weight=\"bold\"",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_two_lines() {
        let lines =
            [Line::of(Ink::Strong, "a <b> & c"), Line::of(Ink::Good, "✔ ").then(Ink::Dim, "  told  ")];
        insta::assert_snapshot!(draw(&lines), @r##"
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 890 68" font-size="13" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace">
        <rect width="100%" height="100%" rx="8" fill="#14181d"/>
        <text x="16.0" y="29.0" textLength="70.2" xml:space="preserve" fill="#f0f3f6" font-weight="bold">a &lt;b&gt; &amp; c</text>
        <text x="16.0" y="47.0" textLength="7.8" xml:space="preserve" fill="#57c785">✔</text>
        <text x="47.2" y="47.0" textLength="31.2" xml:space="preserve" fill="#8b949e">told</text>
        </svg>
        "##);
    }
}
