//! Listening to a stream of events, for as long as the daemon runs: it resumes where it was left, and where it cannot,
//! polls find what was missed before it goes on.

use super::engine::{Engine, lock};
use super::events::events_cursor;
use crate::connector::salesforce::{ReplayId, Subscription, Topic};
use crate::connector::{CallError, Retry, wait_after};
use crate::emit;
use crate::model::Side;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// A stream that fails is tried again after this, doubling up to [`WAIT_MAX`].
const WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// A stream without a replay id has begun somewhere in its first seconds: what changed until then is polled once more.
const BEGUN_WITHIN: Duration = Duration::from_secs(10);

/// How long a lost stream waits for the poll that finds what was missed, before it tries to go on all the same: the
/// polls go on by themselves.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(600);

/// An open stream.
pub struct Listening {
    engine: Arc<Engine>,
    topic: Topic,
    subscription: Subscription,
    /// It did not go on from a place that was kept.
    is_new: bool,
}

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The store failed. Fatal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream ended, or could not be opened.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Engine {
    /// Opens the stream of a topic behind what was taken in of it. Where that place is lost it is forgotten, and a poll
    /// is asked for.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn listen(self: &Arc<Self>, topic: &Topic) -> Result<Listening, ListenError> {
        let cursor = events_cursor(topic);
        let kept = self.store.read(move |reader| reader.cursor(&cursor)).await?;
        let replay = kept.as_deref().and_then(ReplayId::from_text);
        let opened = self.salesforce.subscribe(topic, replay.as_ref()).await;
        let subscription = match opened {
            Ok(subscription) => subscription,
            Err(error) => return Err(self.ended(topic, error).await?.into()),
        };
        let since = self.salesforce.server_now();
        let mut live = lock(&self.live);
        topic.objects.iter().for_each(|object| live.opened(*object, since));
        drop(live);
        emit!(
            STREAM_OPENED,
            side = Side::Salesforce.as_str(),
            from = topic.name,
            "listening to {}, {}",
            topic.name,
            if replay.is_some() { "from where it was left" } else { "from now on" }
        );
        // From now on says nothing of what came before.
        if replay.is_none() {
            self.ask_for_poll();
        }
        Ok(Listening { engine: self.clone(), topic: topic.clone(), subscription, is_new: replay.is_none() })
    }

    /// What an ended stream leaves to be done.
    async fn ended(&self, topic: &Topic, error: CallError) -> Result<CallError, StoreError> {
        {
            let mut live = lock(&self.live);
            topic.objects.iter().for_each(|object| live.closed(*object));
        }
        if error.retry == Retry::ReRead {
            let cursor = events_cursor(topic);
            self.store.write(move |tx| tx.remove_cursor(&cursor)).await?;
            emit!(
                STREAM_LOST,
                side = Side::Salesforce.as_str(),
                from = topic.name,
                code = error.code,
                "the place in {} is not good any more: {}; polls find what was missed",
                topic.name,
                error.message
            );
            self.ask_for_poll();
        }
        Ok(error)
    }
}

impl Listening {
    /// The next events, taken in. Returns how many there were: none, when Salesforce only says that it is still there.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn next(&mut self) -> Result<usize, ListenError> {
        match self.subscription.next().await {
            Ok(batch) => {
                let events = batch.events.len();
                self.engine.take_in_events(&self.topic, batch).await?;
                Ok(events)
            }
            Err(error) => Err(self.engine.ended(&self.topic, error).await?.into()),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut live = lock(&self.engine.live);
        self.topic.objects.iter().for_each(|object| live.closed(*object));
    }
}

/// Listens to a topic until the daemon ends.
///
/// # Errors
/// When the store fails.
pub(super) async fn follow(engine: Arc<Engine>, topic: Topic) -> Result<(), StoreError> {
    let mut failed = 0;
    let mut told = None;
    loop {
        let error = match listen_to_the_end(&engine, &topic, &mut failed, &mut told).await {
            Ok(never) => match never {},
            Err(ListenError::Store(error)) => return Err(error),
            Err(ListenError::Call(error)) => error,
        };
        failed += 1;
        let wait = match error.retry {
            Retry::After(wait) => wait,
            Retry::Stop | Retry::SignIn | Retry::Quota => WAIT_MAX,
            _ => wait_after(failed, WAIT_MIN, WAIT_MAX),
        };
        if told.as_deref() != Some(&error.code) {
            match error.retry {
                Retry::Stop | Retry::SignIn => emit!(
                    STREAM_STOPPED,
                    side = Side::Salesforce.as_str(),
                    from = topic.name,
                    code = error.code,
                    "{} needs a person: {}; polls go on, and it is tried again every {} s",
                    topic.name,
                    error.message,
                    wait.as_secs()
                ),
                _ => emit!(
                    STREAM_BROKE,
                    side = Side::Salesforce.as_str(),
                    from = topic.name,
                    code = error.code,
                    "{} broke off: {}; polls go on, and it is tried again",
                    topic.name,
                    error.message
                ),
            }
            told = Some(error.code.clone());
        }
        if error.retry == Retry::ReRead {
            // By REST first: only then may the stream begin behind what it has lost.
            let mut polls = engine.polls.subscribe();
            let before = *polls.borrow_and_update();
            // Without an answer of Salesforce there is no hurry either.
            let _ = tokio::time::timeout(CATCH_UP_WITHIN, polls.wait_for(|polls| *polls > before)).await;
        } else {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Nobody.
enum Never {}

async fn listen_to_the_end(
    engine: &Arc<Engine>,
    topic: &Topic,
    failed: &mut u32,
    told: &mut Option<String>,
) -> Result<Never, ListenError> {
    let mut listening = engine.listen(topic).await?;
    if listening.is_new {
        // It begins a little after it was asked for, and its first word says when. That word is waited for to the end: a
        // batch that was let go of halfway would be lost.
        let mut first = std::pin::pin!(listening.next());
        tokio::select! {
            first = &mut first => {
                first?;
                engine.ask_for_poll();
            }
            () = tokio::time::sleep(BEGUN_WITHIN) => {
                engine.ask_for_poll();
                first.await?;
            }
        }
    }
    loop {
        (*failed, *told) = (0, None);
        listening.next().await?;
    }
}
