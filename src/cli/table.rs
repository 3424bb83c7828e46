//! Tables for people.

use crate::event::escape;
use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

/// A table with this heading. It takes the terminal's width and breaks long cells; in a pipe lines are as long as they
/// are.
pub fn table<const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heading);
    for row in rows {
        // Cells hold words of both systems, which must not steer the terminal.
        table.add_row(row.map(|cell| escape(&cell).into_owned()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A time as people read it, in UTC: `2026-11-23 09:30:05`.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A value, or a dash where there is none.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A number with its thousands apart: `80,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_system_cannot_steer_the_terminal() {
        let text = table(["a"], [["x\u{1b}[2J\ny".to_owned()]]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1_000, 80_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "80,000", "1,234,567"]);
    }
}
