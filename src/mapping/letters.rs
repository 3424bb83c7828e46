//! Letters that look alike and are not: a Cyrillic "а" in a word that was pasted from elsewhere.

/// Cyrillic and Greek letters, and the Latin ones they are taken for.
const TWINS: [(char, char); 26] = [
    ('а', 'a'),
    ('е', 'e'),
    ('о', 'o'),
    ('р', 'p'),
    ('с', 'c'),
    ('у', 'y'),
    ('х', 'x'),
    ('і', 'i'),
    ('ѕ', 's'),
    ('ј', 'j'),
    ('А', 'A'),
    ('В', 'B'),
    ('Е', 'E'),
    ('К', 'K'),
    ('М', 'M'),
    ('Н', 'H'),
    ('О', 'O'),
    ('Р', 'P'),
    ('С', 'C'),
    ('Т', 'T'),
    ('Х', 'X'),
    ('І', 'I'),
    ('ο', 'o'),
    ('Ο', 'O'),
    ('α', 'a'),
    ('ν', 'v'),
];

/// The text with such letters replaced.
pub(super) fn plain(text: &str) -> String {
    let twin = |c: char| TWINS.iter().find(|(other, _)| *other == c).map_or(c, |(_, latin)| *latin);
    text.chars().map(twin).collect()
}

/// Whether a text has Latin letters and their twins in it.
pub(super) fn mixes_alphabets(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_alphabetic())
        && text.chars().any(|c| TWINS.iter().any(|(twin, _)| *twin == c))
}
