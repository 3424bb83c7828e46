//! Hides what may be a secret before a line of the file is shown.

use super::keys::{KEYS, Kind};

/// The text with the same length and the same lines, but with asterisks for whatever stands behind the name of a
/// secret key, and for a user and password inside an address. It works on the text alone, since the file may be
/// broken exactly there. A value over several lines is hidden to the end of its block.
pub fn mask_secrets(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut open: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        if let Some(quotes) = open {
            masked.push_str(&stars(line));
            if line.contains(quotes) {
                open = None;
            }
            continue;
        }
        let mut signs = line.match_indices('=').map(|(at, _)| at);
        let Some(sign) = signs.find(|at| is_secret(last_word(&line[..*at]))) else {
            masked.push_str(&mask_user_info(line));
            continue;
        };
        let (shown, hidden) = line.split_at(sign + 1);
        masked.push_str(shown);
        masked.push_str(&stars(hidden));
        open = ["\"\"\"", "'''"].into_iter().find(|quotes| hidden.matches(quotes).count() == 1);
    }
    masked
}

/// The key in front of an equals sign: `b` in `a = { x.b `.
fn last_word(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or(text)
}

fn is_secret(name: &str) -> bool {
    let last = name.to_lowercase();
    // Also names nobody knows but that tell what they hold, such as `password` or `secret`.
    KEYS.iter().any(|key| key.kind == Kind::Secret && key.name == last)
        || (["secret", "password", "token", "private_key", "privatekey"]
            .iter()
            .any(|word| last.contains(word))
            && !last.ends_with("_file"))
}

/// `https://user:password@host` with asterisks between `//` and `@`.
fn mask_user_info(line: &str) -> String {
    let Some(start) = line.find("://").map(|at| at + 3) else { return line.to_owned() };
    let host = line[start..].find(['/', '"', '\'']).map_or(line.len(), |end| start + end);
    match line[start..host].rfind('@') {
        Some(at) => format!("{}{}{}", &line[..start], stars(&line[start..start + at]), &line[start + at..]),
        None => line.to_owned(),
    }
}

/// One asterisk a byte, so that places in the text stay where they are; line ends are kept.
fn stars(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { byte as char } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::mask_secrets;

    #[test]
    fn what_stands_behind_a_secret_key_is_hidden_and_nothing_moves() {
        let text = "client_secret = \"hush\" # x\nclient_secret_file = \"/run/s\"\nengage.token='é'\n";
        let masked = mask_secrets(text);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.lines().next(), Some("client_secret =***********"));
        assert!(masked.contains("\"/run/s\""));
        assert!(!masked.contains('é') && !masked.contains("hush"));
    }

    #[test]
    fn a_secret_inside_an_inline_table_is_hidden() {
        let masked = mask_secrets("engage = { client_id = \"a\", client_secret = \"hush\" }\n");
        assert!(masked.starts_with("engage = { client_id = \"a\", client_secret =*"), "{masked}");
        assert!(!masked.contains("hush"));
    }

    #[test]
    fn a_secret_over_several_lines_is_hidden_to_its_end() {
        let masked = mask_secrets("private_key = \"\"\"-----BEGIN\nMIIabc\n\"\"\"\ntenant = \"t\"\n");
        assert!(!masked.contains("MII") && masked.contains("tenant = \"t\""), "{masked}");
    }

    #[test]
    fn a_password_inside_an_address_is_hidden() {
        let masked = mask_secrets("base_url = \"https://me:hush@host/path\"\n");
        assert_eq!(masked, "base_url = \"https://*******@host/path\"\n");
    }
}
