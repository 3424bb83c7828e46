//! A small XML reader, as strict as the pictures need: whatever it does not know is an error.

use std::collections::BTreeMap;

/// An element, its own text joined, and its children in order.
#[derive(Debug, Clone, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> f64 {
        self.attribute(name).parse().unwrap_or_else(|_| panic!("{name} of {self:?}"))
    }

    /// The text of the first child of this name.
    pub fn child_text(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", |child| child.text.as_str())
    }

    /// This element and all below it.
    pub fn all(&self) -> Vec<&Element> {
        let mut all = vec![self];
        all.extend(self.children.iter().flat_map(Element::all));
        all
    }

    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.all().into_iter().filter(move |element| element.name == name)
    }
}

/// Reads a document of one element, or says what is wrong with it.
pub fn read(document: &str) -> Result<Element, String> {
    if let Some(c) = document.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(format!("the control character {c:?}"));
    }
    let mut open = vec![Element::default()];
    let mut rest = document;
    while !rest.is_empty() {
        let (text, tag) = rest.split_once('<').unwrap_or((rest, ""));
        open.last_mut().ok_or("too much is closed")?.text.push_str(&unescape(text)?);
        if tag.is_empty() {
            break;
        }
        let (inner, after) = end_of_tag(tag)?;
        rest = after;
        if let Some(name) = inner.strip_prefix('/') {
            let element = open.pop().ok_or("too much is closed")?;
            if element.name != name {
                return Err(format!("</{name}> closes <{}>", element.name));
            }
            open.last_mut().ok_or("too much is closed")?.children.push(element);
            continue;
        }
        let empty = inner.ends_with('/');
        let element = element(inner.trim_end_matches('/'))?;
        match empty {
            true => open.last_mut().ok_or("nothing is open")?.children.push(element),
            false => open.push(element),
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut top), true) if top.children.len() == 1 && top.text.trim().is_empty() => {
            Ok(top.children.remove(0))
        }
        (top, _) => Err(format!("not one whole element: {:?}", top.map(|top| top.name))),
    }
}

/// What stands before the `>` that is in no quotes, and what comes after it.
fn end_of_tag(tag: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' => return Err(format!("a bare < in <{}", &tag[..at])),
            '>' if !quoted => return Ok((&tag[..at], &tag[at + 1..])),
            _ => {}
        }
    }
    Err("a tag has no end".to_owned())
}

fn element(inner: &str) -> Result<Element, String> {
    let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("no name of an element: {name:?}"));
    }
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    while !rest.trim().is_empty() {
        let (key, after) = rest.split_once("=\"").ok_or(format!("no attribute: {rest:?}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("no end of {key}"))?;
        let key = key.trim().to_owned();
        if !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':')) {
            return Err(format!("no name of an attribute: {key:?}"));
        }
        if element.attributes.insert(key.clone(), unescape(value)?).is_some() {
            return Err(format!("{key} twice"));
        }
        rest = after;
    }
    Ok(element)
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or(format!("a bare & before {part:?}"))?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => return Err(format!("the unknown entity {name:?}")),
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

#[test]
fn what_is_no_xml_is_told_from_what_is() {
    read("<a b=\"1 &gt; 0\"><c/>x &amp; y</a>").unwrap();
    for wrong in [
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&</a>",
        "<a>&nope;</a>",
        "<a b=1/>",
        "<a b=\"<\"/>",
        "<a>\u{1}</a>",
    ] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}
