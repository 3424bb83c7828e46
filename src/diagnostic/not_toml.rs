//! A file that is no TOML.

use super::Problem;
use toml::de::Error;

/// What to say of it: the first slip only, in the order of the text. Behind a missing quote or bracket everything is read
/// wrongly, and dozens of such mistakes would bury the one that matters. Keys that stand twice are told all at once, where
/// nothing else is wrong.
pub fn not_toml(code: &'static str, errors: &[Error]) -> Vec<Problem> {
    let at = |error: &&Error| error.span().map_or(usize::MAX, |span| span.start);
    let (twice, slips): (Vec<&Error>, Vec<&Error>) =
        errors.iter().partition(|error| error.message() == "duplicate key");
    let first = slips.into_iter().min_by_key(at).map(|slip| vec![slip]);
    let told = first.unwrap_or(twice);
    told.into_iter()
        .map(|error| {
            let problem = Problem::error(code, format!("this is not TOML: {}", error.message()))
                .help("the rest of the file is checked once this can be read");
            match error.span() {
                Some(span) => problem.at(span, ""),
                None => problem,
            }
        })
        .collect()
}
