//! The picture as SVG: one file, no script, readable on light and dark grounds.

use super::super::table::Mapping;
use super::layout::{Arrow, Item, LARGE, PADDING, Picture, SMALL, Tone};
use super::text::escaped;
use std::fmt::Write;

const STYLE: &str = "
  text { font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
  .ground { fill: #ffffff; } .ink { fill: #1c2430; } .soft { fill: #5b6675; }
  .person { fill: #e8f1ec; stroke: #8a97a8; } .value { fill: #eaf0fa; stroke: #8a97a8; }
  .pale { fill: none; stroke: #8a97a8; stroke-dasharray: 3 3; }
  .line { fill: none; stroke: #39506b; stroke-width: 1.6; } .apart { stroke-dasharray: 5 4; } .head { fill: #39506b; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #12161c; } .ink { fill: #e8ecf1; } .soft { fill: #a5b0bf; }
    .person { fill: #1f2f27; stroke: #5d6b7d; } .value { fill: #1d2838; stroke: #5d6b7d; }
    .pale { stroke: #5d6b7d; } .line { stroke: #9db8d8; } .head { fill: #9db8d8; }
  }
";

/// How long a head is, so that lines end at its root and not under it.
const HEAD: f64 = 8.0;

/// A mapping as an SVG file.
pub fn svg(mapping: &Mapping) -> String {
    let picture = Picture::of(mapping);
    let (width, height) = (picture.width.ceil(), picture.height.ceil());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{}: person statuses and Salesforce values</title>\n\
         <desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(&picture.heading),
        escaped(&description(&picture)),
    );
    let _ = writeln!(
        out,
        "<text class=\"ink\" x=\"28\" y=\"42\" font-size=\"20\" font-weight=\"600\">{}</text>",
        escaped(&picture.heading)
    );
    for (x, heading) in &picture.columns {
        let _ = writeln!(
            out,
            "<text class=\"soft\" x=\"{x:.1}\" y=\"86\" font-size=\"{SMALL}\" text-anchor=\"middle\">{}</text>",
            escaped(heading)
        );
    }
    picture.arrows.iter().for_each(|arrow| draw_arrow(&mut out, arrow));
    picture.items.iter().for_each(|item| draw_item(&mut out, item));
    legend(&mut out, height - 98.0);
    let _ = writeln!(
        out,
        "<text class=\"soft\" x=\"28\" y=\"{:.1}\" font-size=\"{SMALL}\">{}</text>",
        height - 24.0,
        escaped(&picture.footer)
    );
    out.push_str("</svg>\n");
    out
}

/// What the picture shows, for those who hear it.
fn description(picture: &Picture) -> String {
    let lines: Vec<String> = picture
        .arrows
        .iter()
        .map(|arrow| {
            let way = match (arrow.to_salesforce, arrow.to_engage) {
                (true, true) => "both ways",
                (true, false) => "to Salesforce",
                (false, true) => "to Revenue Engage",
                (false, false) => "neither way",
            };
            format!("{}: {way}", arrow.title)
        })
        .collect();
    format!("{}. {}", lines.join("; "), picture.footer)
}

fn draw_item(out: &mut String, item: &Item) {
    let class = match (item.pale, item.person) {
        (true, _) => "pale",
        (_, true) => "person",
        _ => "value",
    };
    let radius = if item.person { 9.0 } else { 3.0 };
    let _ = write!(
        out,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius}\"/>",
        escaped(&item.title),
        item.x,
        item.y,
        item.width,
        item.height
    );
    let mut y = item.y + PADDING * 0.7;
    for (tone, line) in &item.lines {
        let (size, class) = match tone {
            Tone::Main => (LARGE, " class=\"ink\""),
            Tone::Remark => (SMALL, " class=\"soft\""),
        };
        y += size * 1.35;
        let _ = write!(
            out,
            "<text{class} x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\">{}</text>",
            item.x + PADDING,
            y - size * 0.35,
            escaped(line)
        );
    }
    out.push_str("</g>\n");
}

fn draw_arrow(out: &mut String, arrow: &Arrow) {
    let ((x1, y1), (x2, y2)) = (arrow.from, arrow.to);
    let ahead = (x2 - x1).signum();
    let start = if arrow.to_engage { x1 + ahead * HEAD } else { x1 };
    let end = if arrow.to_salesforce { x2 - ahead * HEAD } else { x2 };
    let bend = (x2 - x1) * 0.45;
    let class = if arrow.to_salesforce || arrow.to_engage { "line" } else { "line apart" };
    let _ = write!(
        out,
        "<g><title>{}</title><path class=\"{class}\" d=\"M{start:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {end:.1} {y2:.1}\"/>",
        escaped(&arrow.title),
        x1 + bend,
        x2 - bend,
    );
    if arrow.to_engage {
        head(out, x1, y1, ahead);
    }
    if arrow.to_salesforce {
        head(out, x2, y2, -ahead);
    }
    out.push_str("</g>\n");
}

/// A head with its point at (x, y); `back` is where its root lies.
fn head(out: &mut String, x: f64, y: f64, back: f64) {
    let root = x + back * (HEAD + 1.0);
    let _ = write!(
        out,
        "<path class=\"head\" d=\"M{x:.1} {y:.1}L{root:.1} {:.1}L{root:.1} {:.1}Z\"/>",
        y - 4.5,
        y + 4.5
    );
}

fn legend(out: &mut String, top: f64) {
    let entries = [
        (true, true, "both ways"),
        (true, false, "only written to Salesforce"),
        (false, true, "only read from Salesforce"),
        (false, false, "agree, and nothing is carried"),
    ];
    for (index, (to_salesforce, to_engage, says)) in entries.into_iter().enumerate() {
        let x = 28.0 + (index % 2) as f64 * 270.0;
        let y = top + (index / 2) as f64 * 24.0;
        let arrow =
            Arrow { from: (x, y), to: (x + 46.0, y), to_salesforce, to_engage, title: says.to_owned() };
        draw_arrow(out, &arrow);
        let _ = writeln!(
            out,
            "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\">{says}</text>",
            x + 56.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"soft\" x=\"28\" y=\"{:.1}\" font-size=\"{SMALL}\">Arrows begin at the person status; a dashed box is not carried over.</text>",
        top + 50.0
    );
}
