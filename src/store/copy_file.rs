//! The form of checkpoints and exports: JSON Lines, each with its own checksum, and a last line that closes the file.
//!
//! The first line says whose store it is, of which schema and when it was read; then comes a line a row; the last one
//! says how many there were, and the checksum of all bytes before it. So a file that was cut off, or touched anywhere,
//! is noticed before anything of it is used.

use super::{Former, Held, JournalEntry, Newcomer, OwnPauses, Parked};
use crate::model::{Link, ProspectId, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// The form of the lines. Another one takes another number.
const FORMAT: u32 = 1;

/// The longest line that is read, and so the longest that is written: a row has some hundred bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What stands before a line's own text: `{"crc":"0123abcd",`.
const PREFIX_BYTES: usize = 18;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "row", rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one.
    Store(Header),
    /// What is remembered by name.
    Meta(String, String),
    /// Where a reading has got to.
    Cursor(String, String),
    /// A link, with its baselines and its latch.
    Link(Link),
    /// A conflict.
    Held(Held),
    /// A refused write.
    Parked(Parked),
    /// What is paused by us of a prospect.
    OwnPauses(ProspectId, OwnPauses),
    /// A person whom only one side knows.
    Newcomer(Newcomer),
    /// A dropped link.
    Former(Former),
    /// When a side of a link was written in the last hour.
    Writes(ProspectId, Side, Vec<Timestamp>),
    /// An entry of the journal.
    Journal(JournalEntry),
    /// The last one: how many rows there were, and the CRC-32 of everything before, in hexadecimal.
    End(u64, String),
}

/// Whose store it was, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the lines.
    pub format: u32,
    /// The schema of the rows.
    pub schema: u32,
    /// The tenant.
    pub tenant: String,
    /// The moment at which all of it stood so, by the daemon's clock.
    pub at: Timestamp,
    /// The version that wrote it.
    pub version: String,
    /// The next number that would have been handed out.
    pub next: u64,
    /// Whether the journal is in it.
    pub journal: bool,
}

impl Header {
    pub(super) fn new(schema: u32, tenant: String, at: Timestamp, next: u64, journal: bool) -> Header {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Header { format: FORMAT, schema, tenant, at, version, next, journal }
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("{0}")]
    Damaged(String),
}

/// Writes a file, line by line.
pub(super) struct CopyWriter<W: Write> {
    out: BufWriter<W>,
    all: crc32fast::Hasher,
    rows: u64,
}

impl<W: Write> CopyWriter<W> {
    /// Begins a file.
    pub(super) fn new(out: W, header: Header) -> io::Result<CopyWriter<W>> {
        let mut writer = CopyWriter {
            out: BufWriter::with_capacity(1 << 16, out),
            all: crc32fast::Hasher::new(),
            rows: 0,
        };
        writer.put(&Line::Store(header))?;
        Ok(writer)
    }

    /// Adds a row.
    pub(super) fn row(&mut self, line: &Line) -> io::Result<()> {
        self.rows += 1;
        self.put(line)
    }

    /// Closes the file; gives back what was written to, and how many rows it has.
    pub(super) fn end(mut self) -> io::Result<(W, u64)> {
        let all = format!("{:08x}", self.all.clone().finalize());
        self.put(&Line::End(self.rows, all))?;
        let out = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((out, self.rows))
    }

    fn put(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_vec(line)?;
        let rest = text.get(1..).unwrap_or_default();
        let prefix = prefix(rest);
        let length = (prefix.len() + rest.len() + 1) as u64;
        if length > LINE_BYTES_MAX {
            let why = format!(
                "a row takes a line of {length} bytes, longer than the {LINE_BYTES_MAX} bytes that are read"
            );
            return Err(io::Error::other(why));
        }
        for part in [prefix.as_bytes(), rest, b"\n"] {
            self.all.update(part);
            self.out.write_all(part)?;
        }
        Ok(())
    }
}

fn prefix(rest: &[u8]) -> String {
    format!("{{\"crc\":\"{:08x}\",", crc32fast::hash(rest))
}

/// Reads a file from its first line to its last, and gives its rows to `take`. What was taken is good only if this
/// ends well; [`check`] first.
pub(super) fn read(
    path: &Path,
    mut take: impl FnMut(&Header, Line) -> Result<(), CopyError>,
) -> Result<(Header, u64), CopyError> {
    let mut lines =
        Lines { file: BufReader::new(File::open(path)?), all: crc32fast::Hasher::new(), number: 0 };
    let header = match lines.next()? {
        Some((Line::Store(header), _)) if header.format == FORMAT => header,
        Some((Line::Store(header), _)) => {
            return Err(CopyError::Damaged(format!(
                "it has form {}, and this Lockstep ({}) reads form {FORMAT}: use version {} or newer",
                header.format,
                env!("CARGO_PKG_VERSION"),
                header.version
            )));
        }
        _ => return Err(CopyError::Damaged("it is no copy of a store of Lockstep".to_owned())),
    };
    let mut rows = 0;
    loop {
        match lines.next()? {
            Some((Line::End(count, crc), before)) => {
                if count != rows || crc != before {
                    let why = format!("it closes with {count} rows, and {rows} other ones are in it");
                    return Err(CopyError::Damaged(why));
                }
                if lines.next()?.is_some() {
                    return Err(CopyError::Damaged("something follows behind its end".to_owned()));
                }
                return Ok((header, rows));
            }
            Some((line, _)) => {
                rows += 1;
                take(&header, line)?;
            }
            None => {
                return Err(CopyError::Damaged(format!(
                    "it ends in the middle, behind {} lines: the rest is missing",
                    lines.number
                )));
            }
        }
    }
}

/// Reads a file through, and says whose it is and how many rows it has.
pub(super) fn check(path: &Path) -> Result<(Header, u64), CopyError> {
    read(path, |_, _| Ok(()))
}

struct Lines {
    file: BufReader<File>,
    all: crc32fast::Hasher,
    number: u64,
}

impl Lines {
    /// The next line, and the checksum of all before it.
    fn next(&mut self) -> Result<Option<(Line, String)>, CopyError> {
        let mut text = Vec::new();
        self.file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let damaged = |why: &str| CopyError::Damaged(format!("line {} {why}", self.number));
        let before = format!("{:08x}", self.all.clone().finalize());
        self.all.update(&text);
        let Some(line) = text.strip_suffix(b"\n") else {
            return Err(damaged("is cut off: the rest of the file is missing"));
        };
        let whole = line.split_at_checked(PREFIX_BYTES).filter(|(crc, rest)| prefix(rest).as_bytes() == *crc);
        let Some((_, rest)) = whole else { return Err(damaged("is not what was written")) };
        let mut json = Vec::with_capacity(rest.len() + 1);
        json.push(b'{');
        json.extend_from_slice(rest);
        let line =
            serde_json::from_slice(&json).map_err(|error| damaged(&format!("is not known: {error}")))?;
        Ok(Some((line, before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: u64) -> Vec<u8> {
        let header = Header::new(2, "acme".to_owned(), "2026-07-01T00:00:00Z".parse().unwrap(), 7, false);
        let mut writer = CopyWriter::new(Vec::new(), header).unwrap();
        for row in 0..rows {
            writer.row(&Line::Meta(format!("name {row}"), "text".to_owned())).unwrap();
        }
        writer.end().unwrap().0
    }

    fn checked(bytes: &[u8]) -> Result<u64, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        check(file.path()).map(|(_, rows)| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_was_cut_off_or_touched_anywhere_is_noticed() {
        let whole = written(3);
        assert_eq!(checked(&whole), Ok(3));
        for length in 0..whole.len() {
            assert!(checked(&whole[..length]).is_err(), "{length} bytes");
        }
        for place in 0..whole.len() {
            let mut touched = whole.clone();
            touched[place] ^= 1 << (place % 8);
            assert!(checked(&touched).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_line_that_is_missing_doubled_moved_or_added_is_noticed() {
        let text = String::from_utf8(written(3)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let joined = |order: &[usize]| order.iter().map(|n| format!("{}\n", lines[*n])).collect::<String>();
        for order in
            [&[0, 1, 3, 4][..], &[0, 1, 2, 2, 3, 4], &[0, 2, 1, 3, 4], &[0, 1, 2, 3, 4, 4], &[1, 2, 3, 4]]
        {
            assert!(checked(joined(order).as_bytes()).is_err(), "{order:?}");
        }
    }

    #[test]
    fn a_line_is_as_long_as_can_be_read_again_or_is_refused_in_words() {
        let of = |length: usize| {
            let header = Header::new(2, "acme".to_owned(), Timestamp::UNIX_EPOCH, 7, false);
            let mut writer = CopyWriter::new(Vec::new(), header).unwrap();
            writer.row(&Line::Meta("name".to_owned(), "x".repeat(length)))?;
            Ok::<_, io::Error>(writer.end().unwrap().0)
        };
        let around = of(0).unwrap().split(|byte| *byte == b'\n').nth(1).unwrap().len() + 1;
        let longest = usize::try_from(LINE_BYTES_MAX).unwrap() - around;
        assert_eq!(checked(&of(longest).unwrap()), Ok(1));
        let refused = of(longest + 1).unwrap_err().to_string();
        assert!(refused.contains("longer than the 1048576 bytes"), "{refused}");
    }

    #[test]
    fn what_is_no_copy_of_a_store_is_told_in_words() {
        assert!(checked(b"{}\n").unwrap_err().contains("not what was written"));
        assert!(checked(b"").unwrap_err().contains("no copy of a store"));
    }

    #[test]
    fn each_kind_of_line_reads_as_it_was_written() {
        for line in [
            Line::Cursor("engage".to_owned(), "\"quoted\"\nand broken".to_owned()),
            Line::Writes("p_1".parse().unwrap(), Side::Engage, vec!["2026-07-01T00:00:00Z".parse().unwrap()]),
            Line::Newcomer(Newcomer::of("p_2", Side::Engage, "2026-07-01T00:00:00Z".parse().unwrap())),
        ] {
            let text = serde_json::to_string(&line).unwrap();
            assert!(text.starts_with("{\"kind\":"), "{text}");
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        }
    }
}
