//! What goes wrong on demand, on either face.

use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Something that goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// This answer in the place of the real one, without effect.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body, as it stands.
        body: String,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The connection breaks before anything happens.
    DropBefore,
    /// Everything happens, and the answer never comes.
    DropAfter,
    /// The answer comes this much later.
    Delay {
        /// In milliseconds.
        millis: u64,
    },
}

/// Which calls a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct When {
    /// The HTTP method; any without one.
    pub method: Option<String>,
    /// A part of the path, or of the query behind it; any without one.
    pub path: Option<String>,
    /// How many such calls.
    pub times: u32,
}

impl Default for When {
    fn default() -> When {
        When { method: None, path: None, times: 1 }
    }
}

impl When {
    /// The next call to a path that contains this.
    pub fn next(method: &str, path: &str) -> When {
        When { method: Some(method.to_owned()), path: Some(path.to_owned()), times: 1 }
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        self.times > 0
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|wanted| path.contains(wanted))
    }
}

/// When something else happens, seen from a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call has come in, and nothing of it is carried out.
    Before,
    /// It is carried out, and its answer is not sent.
    After,
}

/// What somebody does at such a moment.
type Happening = (Moment, When, Box<dyn FnOnce() + Send>);

/// What is still to go wrong, and to happen, in the order in which it was asked for.
#[derive(Clone, Default)]
pub struct Faults {
    wrong: Arc<Mutex<VecDeque<(When, Fault)>>>,
    happenings: Arc<Mutex<Vec<Happening>>>,
    poison: Arc<Mutex<Poison>>,
}

/// Words that no call gets past; how many calls have broken on one, and how many met another fault.
#[derive(Debug, Default)]
struct Poison {
    words: Vec<(String, String)>,
    broken: usize,
    wrong: usize,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

impl Faults {
    /// Lets something go wrong.
    pub fn add(&self, when: When, fault: Fault) {
        self.queue().push_back((when, fault));
    }

    /// From now on every call of this method with this word in its path or body fails as a whole, with status 500 and without
    /// effect: one row of a batch that the server falls over.
    pub fn break_on(&self, method: &str, word: &str) {
        locked(&self.poison).words.push((method.to_owned(), word.to_owned()));
    }

    /// No word breaks a call any more.
    pub fn break_on_nothing(&self) {
        locked(&self.poison).words.clear();
    }

    /// How many calls have broken on a word.
    pub fn broken(&self) -> usize {
        locked(&self.poison).broken
    }

    /// How many calls have met a fault so far, other than by such a word.
    pub fn gone_wrong(&self) -> usize {
        locked(&self.poison).wrong
    }

    /// Whether this call breaks on a word.
    pub(super) fn breaks(&self, method: &str, path: &str, body: &[u8]) -> bool {
        let mut poison = locked(&self.poison);
        if poison.words.is_empty() {
            return false;
        }
        let body = String::from_utf8_lossy(body);
        let in_it = |word: &str| path.contains(word) || body.contains(word);
        let breaks = poison.words.iter().any(|(of, word)| of.eq_ignore_ascii_case(method) && in_it(word));
        poison.broken += usize::from(breaks);
        breaks
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.queue().clear();
    }

    /// Somebody does something at the very moment of the next such call: what no clock can hit.
    pub fn at(&self, moment: Moment, when: When, what: impl FnOnce() + Send + 'static) {
        locked(&self.happenings).push((moment, when, Box::new(what)));
    }

    /// What was to happen at this moment of a call happens.
    pub(super) fn happen(&self, moment: Moment, method: &str, path: &str) {
        let index = |happenings: &Vec<Happening>| {
            happenings.iter().position(|(at, when, _)| *at == moment && when.is_for(method, path))
        };
        loop {
            // Let go before it happens: whatever it does may be a call too.
            let next = {
                let mut happenings = locked(&self.happenings);
                index(&happenings).map(|index| happenings.remove(index))
            };
            match next {
                Some((_, _, what)) => what(),
                None => return,
            }
        }
    }

    /// What goes wrong with this call.
    pub(super) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut queue = self.queue();
        let index = queue.iter().position(|(when, _)| when.is_for(method, path))?;
        let (when, fault) = queue.get_mut(index)?;
        when.times -= 1;
        locked(&self.poison).wrong += 1;
        let (spent, fault) = (when.times == 0, fault.clone());
        if spent {
            queue.remove(index);
        }
        Some(fault)
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<(When, Fault)>> {
        locked(&self.wrong)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What a call asks for, as [`When::path`] sees it.
pub(super) fn called(uri: &axum::http::Uri) -> String {
    uri.path_and_query().map_or_else(|| uri.path().to_owned(), |both| both.as_str().to_owned())
}

/// Waits for a delay; everything else is for the face to do.
pub(super) async fn delay(fault: Option<&Fault>) {
    if let Some(Fault::Delay { millis }) = fault {
        tokio::time::sleep(Duration::from_millis(*millis)).await;
    }
}

/// A body that breaks off at once: hyper then closes the connection before a whole answer was sent.
pub(super) fn broken_off() -> axum::response::Response {
    let gone = futures_util::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("dropped")) });
    let mut response = axum::response::Response::new(axum::body::Body::from_stream(gone));
    response.headers_mut().insert("content-length", axum::http::HeaderValue::from_static("1000"));
    response
}
