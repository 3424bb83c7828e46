//! What changed, by polling `SystemModstamp`.
//!
//! A row is stamped inside its transaction and seen only once that commits, so a cursor that follows the stamps would
//! pass rows by. The cursor therefore stays `overlap` behind, and never passes `latestDateCovered`, which is
//! Salesforce's own word for "nothing earlier is still to come". That word is asked for once per half overlap: the
//! cursor cannot pass a date that was not covered then.
//!
//! Calls: one a page of 2,000 rows, and one more each half overlap. An idle poll is one call.

use super::Salesforce;
use super::budget::Purpose;
use super::call::Call;
use super::wire::{self, QueryPage};
use crate::connector::CallError;
use crate::connector::http::bad_answer;
use crate::model::{FieldName, SalesforceId, SalesforceObject, SalesforceRecord, Side};
use crate::mutant;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Rows a page: the largest that a query answers at once.
const PAGE_ROWS: usize = 2_000;

/// Pages of one query: a million rows, where none of ours has more than some thousand. Answers that always name a next page
/// would use up the day's calls and all memory.
const PAGES_MAX: usize = 500;

/// One page of changes.
#[derive(Debug)]
pub struct Page {
    /// The rows, deleted and converted ones too, with the watched values: they count as read.
    pub records: Vec<SalesforceRecord>,
    /// Where to go on: kept in the same transaction as what these rows make due.
    pub cursor: String,
    /// Whether this was the last page of this poll.
    pub done: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cursor {
    /// Rows stamped from here on are read.
    from: Timestamp,
    /// Behind this row of that second, while a poll is under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<SalesforceId>,
    /// What `latestDateCovered` said last, and when it was asked.
    covered: Option<(Timestamp, Timestamp)>,
    /// Where this poll began: the cursor never falls behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    began: Option<Timestamp>,
    /// When its first page was asked for: what came into sight later may belong to a page that was read before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    asked: Option<Timestamp>,
}

impl Cursor {
    fn at(from: Timestamp) -> Cursor {
        Cursor { from, after: None, covered: None, began: None, asked: None }
    }
}

#[derive(Debug, Deserialize)]
struct Updated {
    #[serde(rename = "latestDateCovered")]
    covered: String,
}

impl Salesforce {
    /// A cursor that begins at a time.
    pub fn cursor_at(&self, from: Timestamp) -> String {
        serde_json::to_string(&Cursor::at(from)).unwrap_or_default()
    }

    /// The next page of changes behind `cursor`; `None` begins `overlap` ago. A cursor that cannot be read begins
    /// there too: the daily sweep covers what lies before.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn changes(
        &self,
        object: SalesforceObject,
        cursor: Option<&str>,
        watched: &[FieldName],
    ) -> Result<Page, CallError> {
        let overlap = self.overlap();
        let behind = |now: Timestamp| now.saturating_sub(overlap).unwrap_or(Timestamp::MIN);
        let mut cursor = cursor
            .and_then(|text| serde_json::from_str::<Cursor>(text).ok())
            .unwrap_or_else(|| Cursor::at(behind(self.server_now())));
        let began = *cursor.began.get_or_insert(cursor.from);
        let asked_at = *cursor.asked.get_or_insert(self.server_now());
        // Before the first rows, and once for all pages: a later word would cover what has come into sight behind them.
        let covered = match cursor.covered {
            Some(covered) if cursor.after.is_some() => covered,
            known => self.covered(object, known, overlap).await?,
        };
        cursor.covered = Some(covered);
        let columns = super::soql::columns(object, watched);
        let query = super::soql::changed_behind(object, &columns, cursor.from, cursor.after, PAGE_ROWS);
        let rows = self.query_all(query, Purpose::Poll).await?;
        let records = wire::records(rows.iter(), watched)?;
        let done = rows.len() < PAGE_ROWS;
        match records.last() {
            Some(last) if !done => {
                let place = (last.system_modstamp, Some(last.id));
                if place == (cursor.from, cursor.after) {
                    let message =
                        "the rows behind a place end with that place, and would never end".to_owned();
                    return Err(bad_answer(Side::Salesforce, None, message, false));
                }
                (cursor.from, cursor.after) = place;
            }
            _ => {
                cursor.from = match mutant::is("no-overlap") {
                    true => asked_at.max(began),
                    false => behind(asked_at).min(covered.0).max(began),
                };
                (cursor.after, cursor.began, cursor.asked) = (None, None, None);
            }
        }
        // A cursor is a plain value and can always be written.
        Ok(Page { records, cursor: serde_json::to_string(&cursor).unwrap_or_default(), done })
    }

    /// How far polls look back.
    pub(crate) fn overlap(&self) -> SignedDuration {
        SignedDuration::try_from(self.0.config.overlap).unwrap_or(SignedDuration::from_mins(10))
    }

    /// Up to when nothing is still to come, asked again once the answer is half an overlap old.
    async fn covered(
        &self,
        object: SalesforceObject,
        known: Option<(Timestamp, Timestamp)>,
        overlap: SignedDuration,
    ) -> Result<(Timestamp, Timestamp), CallError> {
        let now = self.server_now();
        if let Some((covered, asked)) = known
            && now.duration_since(asked) < overlap / 2
            && asked <= now
        {
            return Ok((covered, asked));
        }
        // Seconds are dropped from both ends, and they must be more than a minute apart.
        let start = now.saturating_sub(SignedDuration::from_mins(3)).unwrap_or(now);
        let call = Call::get(self.data(&format!("/sobjects/{object}/updated/")), Purpose::Poll)
            .query("start", super::soql::time(start))
            .query("end", super::soql::time(now));
        let updated: Updated = self.json(call).await?;
        // A date nobody can read covers nothing: the cursor waits.
        Ok((wire::time(&updated.covered).unwrap_or(start), now))
    }

    /// All rows of a query, deleted ones too. A short page is not the end: only `done` is, or more pages than are
    /// believed.
    pub(super) async fn query_all(
        &self,
        query: String,
        purpose: Purpose,
    ) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, CallError> {
        let mut page: QueryPage =
            self.json(Call::get(self.data("/queryAll"), purpose).query("q", query)).await?;
        let mut rows = std::mem::take(&mut page.records);
        let mut pages = 1;
        while let (false, Some(next)) = (page.done, page.next.take()) {
            pages += 1;
            if pages > PAGES_MAX {
                let message = format!("a query has more than {PAGES_MAX} pages of rows");
                return Err(bad_answer(Side::Salesforce, None, message, false));
            }
            // An absolute path by contract; anything else could lead the token elsewhere.
            if !is_data_path(&next) {
                let message = format!("nextRecordsUrl {next:?} is no path of the API");
                return Err(bad_answer(Side::Salesforce, None, message, false));
            }
            page = self.json(Call::get(next, purpose)).await?;
            rows.append(&mut page.records);
        }
        Ok(rows)
    }
}

/// Whether a text is a path of the data API, letter by letter: no step up, no query, nothing that has to be decoded.
fn is_data_path(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("/services/data/") else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    rest.split('/').all(|part| !part.is_empty() && part.chars().all(plain) && !part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_data_path;

    #[test]
    fn the_next_page_is_a_plain_path_of_the_data_api() {
        assert!(is_data_path("/services/data/v67.0/query/0r85f0000000001AAA-2000"));
        for text in [
            "",
            "/",
            "/services/data/",
            "/services/oauth2/revoke",
            "services/data/v67.0/query/x",
            "https://evil.example/services/data/v67.0/query/x",
            "//evil.example/services/data/v67.0/query/x",
            "/services/data//evil.example/x",
            "/services/data/../oauth2/revoke",
            "/services/data/v67.0/../../oauth2/revoke",
            "/services/data/%2e%2e/oauth2/revoke",
            "/services/data/..%2foauth2",
            "/services/data/\\evil.example/x",
            "/services/data/v67.0/query?q=SELECT+Id+FROM+User",
            "/services/data/v67.0/query/x#y",
            "/services/data/v67.0/query/x y",
            "/services/data/v67.0/query/x\r\nHost: evil.example",
            "/services/data/v67.0/query/\u{2025}",
            "/services/data@evil.example/",
        ] {
            assert!(!is_data_path(text), "{text}");
        }
    }
}
