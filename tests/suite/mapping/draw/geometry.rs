//! The rectangles and lines of a picture, as a viewer would draw them.

use super::xml::Element;

/// The widths of the letters from space to `~` in DejaVu Sans, one of the two widest of the usual fonts, in thousandths
/// of the font size.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295,
    295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838,
    500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521,
    392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
const BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696,
    696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372,
    372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838,
    500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595,
    478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn of(element: &Element) -> Rect {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| element.number(name));
        Rect { x, y, width, height }
    }

    pub fn meets(&self, other: &Rect) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    pub fn holds(&self, other: &Rect) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }

    fn holds_point(&self, (x, y): (f64, f64)) -> bool {
        self.x < x && x < self.x + self.width && self.y < y && y < self.y + self.height
    }
}

/// A piece of text: where it comes out, its class, and what it says.
#[derive(Debug)]
pub struct Text {
    pub rect: Rect,
    pub says: String,
}

/// An arrow: its line as points, and the tips of its heads.
#[derive(Debug)]
pub struct Arrow {
    pub class: String,
    pub title: String,
    pub points: Vec<(f64, f64)>,
    pub heads: Vec<Rect>,
    pub tips: Vec<(f64, f64)>,
}

#[derive(Debug)]
pub struct Geometry {
    pub page: Rect,
    pub people: Vec<Rect>,
    pub values: Vec<Rect>,
    pub pills: Vec<Rect>,
    pub texts: Vec<Text>,
    pub arrows: Vec<Arrow>,
}

impl Geometry {
    pub fn of(svg: &Element) -> Geometry {
        let boxes = |kind: &str| -> Vec<Rect> {
            svg.named("rect").filter(|rect| rect.attribute("data-box") == kind).map(Rect::of).collect()
        };
        Geometry {
            page: Rect { x: 0.0, y: 0.0, width: svg.number("width"), height: svg.number("height") },
            people: boxes("person"),
            values: boxes("value"),
            pills: boxes("pill"),
            texts: svg.named("text").map(text).collect(),
            arrows: svg.named("g").filter_map(arrow).collect(),
        }
    }

    /// Everything that stands where something else stands, or not where it should.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let boxes: Vec<Rect> = self.people.iter().chain(&self.values).copied().collect();
        let mut apart = |what: &str, rects: &[Rect]| {
            for (index, one) in rects.iter().enumerate() {
                if !self.page.holds(one) {
                    faults.push(format!("a {what} leaves the page: {one:?}"));
                }
                for other in rects[..index].iter().filter(|other| one.meets(other)) {
                    faults.push(format!("two of {what} meet: {one:?} {other:?}"));
                }
            }
        };
        apart("box", &boxes);
        apart("pill", &self.pills);
        // Arrows that share a lane end in one head.
        let mut heads: Vec<Rect> = Vec::new();
        for head in self.arrows.iter().flat_map(|arrow| &arrow.heads) {
            if !heads.contains(head) {
                heads.push(*head);
            }
        }
        apart("head", &heads);
        let texts: Vec<Rect> = self.texts.iter().map(|text| text.rect).collect();
        apart("text", &texts);
        for text in &self.texts {
            for other in boxes.iter().chain(&self.pills) {
                if text.rect.meets(other) && !other.holds(&text.rect) {
                    faults.push(format!("{text:?} leaves {other:?}"));
                }
            }
        }
        for pill in &self.pills {
            for other in boxes.iter().filter(|other| pill.meets(other) && !other.holds(pill)) {
                faults.push(format!("the pill {pill:?} leaves {other:?}"));
            }
        }
        for arrow in &self.arrows {
            for point in &arrow.points {
                for other in boxes.iter().chain(&texts).filter(|other| other.holds_point(*point)) {
                    faults.push(format!("{} runs over {other:?}", arrow.title));
                }
            }
        }
        faults
    }

    /// What is written in a box, without spaces and line breaks.
    pub fn written_in(&self, one: &Rect) -> String {
        let inside = self.texts.iter().filter(|text| one.holds(&text.rect));
        inside.flat_map(|text| text.says.chars()).filter(|c| !c.is_whitespace()).collect()
    }
}

fn text(element: &Element) -> Text {
    let (size, bold) = match element.attribute("class") {
        "company" => (20.0, true),
        "heading" => (14.0, true),
        "label" => (13.0, true),
        "value" => (13.0, false),
        "small" | "sequences" | "winner" => (11.0, false),
        other => panic!("a text of the unknown class {other:?}"),
    };
    let width = element.text.chars().map(|c| letter(c, bold)).sum::<f64>() * size;
    let middle = matches!(element.attribute("class"), "sequences" | "winner");
    let x = element.number("x") - if middle { width / 2.0 } else { 0.0 };
    let rect = Rect { x, y: element.number("y") - 0.8 * size, width, height: size };
    Text { rect, says: element.text.clone() }
}

fn letter(c: char, bold: bool) -> f64 {
    let widths = if bold { BOLD } else { REGULAR };
    match c {
        ' '..='~' => f64::from(widths[c as usize - 32]) / 1_000.0,
        '\u{200d}' | '\u{fe0f}' | '\u{300}'..='\u{36f}' => 0.0,
        _ if bold => 1.3,
        '\u{400}'..='\u{4ff}' => 1.1,
        _ => 1.3,
    }
}

/// The group of an arrow has a line of the class `line` in it.
fn arrow(group: &Element) -> Option<Arrow> {
    let line = group.children.iter().find(|child| child.attribute("class").starts_with("line "))?;
    let heads = group.children.iter().filter(|child| child.attribute("class").starts_with("head-"));
    let heads: Vec<Vec<f64>> = heads.map(|head| self::numbers(head.attribute("d"))).collect();
    let rect = |head: &Vec<f64>| Rect {
        x: head[0].min(head[2]),
        y: head[3],
        width: (head[0] - head[2]).abs(),
        height: head[5] - head[3],
    };
    Some(Arrow {
        class: line.attribute("class")["line ".len()..].to_owned(),
        title: group.child_text("title").to_owned(),
        points: points(line.attribute("d")),
        heads: heads.iter().map(rect).collect(),
        tips: heads.iter().map(|head| (head[0], head[1])).collect(),
    })
}

/// Points all along a path of the commands M, H, V, Q and C.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut at = (0.0, 0.0);
    for command in path.split_inclusive(|c: char| c.is_ascii_alphabetic()).collect::<Vec<_>>().windows(2) {
        let letter = command[0].chars().last().unwrap();
        let n = numbers(command[1].trim_end_matches(|c: char| c.is_ascii_alphabetic()));
        // A straight line and a bend are curves too, once their ends are doubled.
        let [a, b, end] = match (letter, &n[..]) {
            ('M', [x, y]) => {
                at = (*x, *y);
                continue;
            }
            ('H', [x]) => [at, (*x, at.1), (*x, at.1)],
            ('V', [y]) => [at, (at.0, *y), (at.0, *y)],
            ('Q', [ax, ay, x, y]) => [(*ax, *ay), (*ax, *ay), (*x, *y)],
            ('C', [ax, ay, bx, by, x, y]) => [(*ax, *ay), (*bx, *by), (*x, *y)],
            _ => panic!("the unknown command {letter} in {path}"),
        };
        for step in 1..40 {
            let t = f64::from(step) / 40.0;
            let mix = |start: f64, a: f64, b: f64, end: f64| {
                let s = 1.0 - t;
                start * s * s * s + 3.0 * a * s * s * t + 3.0 * b * s * t * t + end * t * t * t
            };
            points.push((mix(at.0, a.0, b.0, end.0), mix(at.1, a.1, b.1, end.1)));
        }
        at = end;
    }
    points
}

fn numbers(path: &str) -> Vec<f64> {
    let parts = path.split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-'));
    parts.filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect()
}
