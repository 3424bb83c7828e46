//! From rows to the lines of a copy and back: which rows are in one, and what becomes of them when they are put back.
//!
//! In it are: links with their baselines and latches, conflicts, parked writes, own pauses, newcomers, dropped links,
//! cursors, the write counts of the last hour, what is remembered by name, and the journal where it is asked for.
//! Not in it are indexes, which are made anew; refused values, which are learnt again; which writes had no precondition,
//! which is only reported; and what must not be carried out from a copy: due marks with their approvals, and decided writes. Whoever puts a copy back has
//! everything linked looked at instead.

use super::copy_file::{CopyError, CopyWriter, Header, Line};
use super::key::{Key, Kind};
use super::schema::SCHEMA;
use super::transaction::Transaction;
use super::{Seen, Source, StoreError, marks, value};
use crate::model::ProspectId;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::io::{self, Write};

/// How far the numbers jump when a copy is put back, so that changes that were numbered since it was made do not get
/// their numbers twice. For people who search logs: the store itself only needs its own rows' numbers to be lower.
const NUMBERS_LEFT_OUT: u64 = 1_000_000;

/// The kinds of rows that a copy is made of.
pub(super) fn kinds(journal: bool) -> Vec<Kind> {
    Kind::in_order(|kind| match kind {
        Kind::Own
        | Kind::Meta
        | Kind::Cursor
        | Kind::Link
        | Kind::Held
        | Kind::Parked
        | Kind::OwnPauses
        | Kind::Newcomer
        | Kind::Former
        | Kind::Writes => true,
        Kind::Journal => journal,
        Kind::Due
        | Kind::DueByTime
        | Kind::Intent
        | Kind::LinkBySalesforce
        | Kind::HeldById
        | Kind::FormerBySalesforce
        | Kind::WritesByTime
        | Kind::JournalByProspect
        | Kind::JournalBySalesforce
        | Kind::RefusedValue // learnt anew from the first refusals
        | Kind::Restored => false,
    })
}

/// Writes rows as lines. The store's own rows come first, and the header is made of them.
pub(super) struct Copier<W: Write> {
    state: State<W>,
    at: Timestamp,
    journal: bool,
    tenant: String,
    next: u64,
}

enum State<W: Write> {
    Waiting(W),
    Writing(CopyWriter<W>),
    Failed,
}

impl<W: Write> Copier<W> {
    pub(super) fn new(out: W, at: Timestamp, journal: bool) -> Copier<W> {
        Copier { state: State::Waiting(out), at, journal, tenant: String::new(), next: 1 }
    }

    /// Takes in the next row. A damaged one fails it: a copy holds nothing that is not as it was written.
    pub(super) fn add(&mut self, key: &Key, bytes: &[u8]) -> Result<(), StoreError> {
        if key.kind() == Some(Kind::Own) {
            if *key == Kind::Own.key().text("tenant") {
                self.tenant = read(key, bytes)?;
            } else if *key == Kind::Own.key().text("next") {
                self.next = read(key, bytes)?;
            }
            return Ok(());
        }
        match line(key, bytes)? {
            Some(line) => self.writer()?.row(&line).map_err(|error| not_written(&error)),
            None => Ok(()),
        }
    }

    /// Closes the copy.
    pub(super) fn end(mut self) -> Result<(W, u64), StoreError> {
        self.writer()?;
        match self.state {
            State::Writing(writer) => writer.end().map_err(|error| not_written(&error)),
            State::Waiting(_) | State::Failed => Err(not_written(&io::Error::other("it was not begun"))),
        }
    }

    fn writer(&mut self) -> Result<&mut CopyWriter<W>, StoreError> {
        if matches!(self.state, State::Waiting(_))
            && let State::Waiting(out) = std::mem::replace(&mut self.state, State::Failed)
        {
            let header = Header::new(SCHEMA, self.tenant.clone(), self.at, self.next, self.journal);
            self.state = State::Writing(CopyWriter::new(out, header).map_err(|error| not_written(&error))?);
        }
        match &mut self.state {
            State::Writing(writer) => Ok(writer),
            State::Waiting(_) | State::Failed => Err(not_written(&io::Error::other("it failed before"))),
        }
    }
}

fn not_written(error: &io::Error) -> StoreError {
    StoreError::Aborted { reason: format!("the copy could not be written: {error}") }
}

fn read<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, StoreError> {
    value::unseal(key, bytes).map_err(|reason| StoreError::Damaged { key: key.to_string(), reason })
}

fn line(key: &Key, bytes: &[u8]) -> Result<Option<Line>, StoreError> {
    let prospect = || {
        key.prospect_after_kind().ok_or_else(|| StoreError::Damaged {
            key: key.to_string(),
            reason: "no prospect's id stands in it".to_owned(),
        })
    };
    let Some(kind) = key.kind() else { return Ok(None) };
    Ok(Some(match kind {
        // Of up to as many writes as a job takes, for a report that is of no use later: it would be one very long line.
        Kind::Meta if key.text_after_kind() == marks::UNGUARDED_WRITES => return Ok(None),
        Kind::Meta => Line::Meta(key.text_after_kind(), read(key, bytes)?),
        Kind::Cursor => Line::Cursor(key.text_after_kind(), read(key, bytes)?),
        Kind::Link => Line::Link(read(key, bytes)?),
        Kind::Held => Line::Held(read(key, bytes)?),
        Kind::Parked => Line::Parked(read(key, bytes)?),
        Kind::OwnPauses => Line::OwnPauses(prospect()?, read(key, bytes)?),
        Kind::Newcomer => Line::Newcomer(read(key, bytes)?),
        Kind::Former => Line::Former(read(key, bytes)?),
        Kind::Journal => Line::Journal(read(key, bytes)?),
        Kind::Writes => match key.last_side() {
            Some(side) => Line::Writes(prospect()?, side, read(key, bytes)?),
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// Puts a line back, as something of the copy's age: a link is marked as restored and due; nothing that the copy knows
/// as decided, approved or under way is carried out.
pub(super) fn put_back(t: &mut Transaction<'_>, header: &Header, line: Line) -> Result<(), StoreError> {
    match line {
        Line::Store(_) | Line::End(..) => Ok(()),
        // The plan that waited has to be made again.
        Line::Meta(name, _) if name == marks::PLAN_WAITS => Ok(()),
        Line::Meta(name, text) => t.set_meta(&name, &text),
        Line::Cursor(name, _) if marks::READING_JOBS.contains(&name.as_str()) => Ok(()),
        Line::Cursor(name, text) => t.set_cursor(&name, &text),
        Line::Link(link) => {
            t.put_link(&link)?;
            t.mark_restored(&link.prospect, header.at)?;
            // Due since then: a clock that stands elsewhere must not let it wait.
            let seen = Seen { side: None, source: Source::Lockstep, at: header.at, value: None, by: None };
            t.mark_due(&link.prospect, seen).map(drop)
        }
        Line::Held(mut held) => {
            held.resolution = None; // it was given for what both sides held then
            t.put_held(&held)
        }
        Line::Parked(parked) => t.put_parked(&parked),
        Line::OwnPauses(prospect, mut pauses) => {
            // Whether the write that went with it was made is not known any more. The pause stays.
            pauses.pending = false;
            t.set_own_pauses(&prospect, &pauses)
        }
        Line::Newcomer(mut newcomer) => {
            (newcomer.waiting, newcomer.approved) = (false, false);
            t.put_newcomer(&newcomer)
        }
        Line::Former(former) => t.put_former(&former),
        Line::Writes(prospect, side, writes) => {
            writes.into_iter().try_for_each(|at| t.count_write(&prospect, side, at))
        }
        Line::Journal(entry) => t.append_journal(&entry),
    }
}

/// Numbers go on behind those that the copy knows, and those that were handed out since.
pub(super) fn go_on_numbering(t: &mut Transaction<'_>, header: &Header) -> Result<(), StoreError> {
    t.put(Kind::Own.key().text("next"), &header.next.saturating_add(NUMBERS_LEFT_OUT))
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> CopyError {
        CopyError::Io(io::Error::other(error))
    }
}

impl super::Reader<'_> {
    /// Of when the copy is that a link came from, until the two were looked at together again.
    pub fn restored(&self, prospect: &ProspectId) -> Result<Option<Timestamp>, StoreError> {
        self.get(&Kind::Restored.key().prospect(prospect))
    }

    /// How many links came from a copy and are not decided yet.
    pub fn restored_count(&self) -> Result<u64, StoreError> {
        self.count(Kind::Restored)
    }

    /// When and from what the store was last put back.
    pub fn last_restored(&self) -> Result<Option<super::Restored>, StoreError> {
        Ok(self.meta(marks::RESTORED)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

impl Transaction<'_> {
    /// Keeps that a link came from a copy of this time: what each side held may be older than what it says.
    pub fn mark_restored(&mut self, prospect: &ProspectId, at: Timestamp) -> Result<(), StoreError> {
        let key = Kind::Restored.key().prospect(prospect);
        if !self.contains(&key)? {
            self.change_count(Kind::Restored, 1)?;
        }
        self.put(key, &at)
    }

    /// The two were looked at together: what is kept of them is of now.
    pub fn clear_restored(&mut self, prospect: &ProspectId) -> Result<(), StoreError> {
        let key = Kind::Restored.key().prospect(prospect);
        if self.contains(&key)? {
            self.change_count(Kind::Restored, -1)?;
            self.remove(key);
        }
        Ok(())
    }
}
