//! A stream of events that breaks, repeats, has gaps and changes its schema, with a process that dies at any point of it:
//! nothing is missed, and nothing is carried over twice.

use super::world::{Person, World};
use lockstep::sandbox::salesforce::{FieldKind, Special, StreamFault};
use lockstep::sync::{Cycle, Listening};
use rand::prelude::*;
use rand::rngs::StdRng;
use std::task::Poll;
use std::time::Duration;

/// Steps of one run.
const STEPS: usize = 60;

/// Values that a salesperson may choose, and the person status that each stands for.
const STATUSES: [(&str, &str); 3] =
    [("Nurture", "success"), ("Not interested", "not_interested"), ("In progress", "just_added")];

struct Run {
    world: Option<World>,
    people: Vec<Person>,
    wanted: Vec<&'static str>,
    changes: Vec<u64>,
    stream: Option<Listening>,
    random: StdRng,
    fields: usize,
    story: Vec<String>,
}

impl Run {
    async fn new(seed: u64) -> Run {
        let mapping = include_str!("../../../mapping/example.toml").to_owned()
            + "\n[limits]\nchanged_share = 1.0\nwrites_per_record_per_hour = 1000\n";
        let world = World::with_mapping(&mapping).await;
        let people = world.people(5, "Attempting to contact", "approaching").await;
        world.agree().await;
        Run {
            wanted: vec!["approaching"; people.len()],
            changes: vec![0; people.len()],
            people,
            world: Some(world),
            stream: None,
            random: StdRng::seed_from_u64(seed),
            fields: 0,
            story: Vec::new(),
        }
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("there is always a world")
    }

    async fn step(&mut self) {
        let seconds = self.random.random_range(0..8);
        self.world().advance(Duration::from_secs(seconds));
        let choice = self.random.random_range(0..12);
        self.story.push(format!("{choice} after {seconds} s"));
        match choice {
            0..=3 => self.change(),
            4 => self.world().org.next_events_are(Special::Twice),
            5 => self.world().org.next_events_are(Special::Gap),
            6 => self.world().org.next_events_are(Special::Overflow),
            7 => {
                self.fields += 1;
                let name = format!("Extra_{}__c", self.fields);
                self.world().org.add_field("Lead", &name, FieldKind::Text);
            }
            8 => {
                let events = self.random.random_range(0..3);
                self.world().org.fault_stream(StreamFault::BreakAfter { events });
            }
            9 if self.random.random_bool(0.3) => self.world().org.move_instance(),
            9 => self.stream = None,
            10 => self.die().await,
            _ => self.turn().await,
        }
        self.listen().await;
    }

    fn change(&mut self) {
        let who = self.random.random_range(0..self.people.len());
        let (status, person) = STATUSES[self.random.random_range(0..STATUSES.len())];
        self.world().user_sets_lead(&self.people[who], "Status", status);
        self.wanted[who] = person;
        self.changes[who] += 1;
    }

    /// The process dies, perhaps in the middle of a turn, and another takes its place on the same store.
    async fn die(&mut self) {
        let polls_left = self.random.random_range(0..40);
        if let Some(world) = &self.world {
            let mut turn = std::pin::pin!(world.engine.cycle(Cycle::DUE));
            // What was begun is let go of after so many steps of its future.
            for _ in 0..polls_left {
                let once =
                    std::future::poll_fn(|context| Poll::Ready(turn.as_mut().poll(context).is_ready()));
                if once.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        self.stream = None;
        let world = self.world.take().expect("there is always a world").restarted().await;
        // A start polls.
        world.engine.cycle(Cycle::POLL).await.unwrap();
        self.world = Some(world);
    }

    async fn turn(&mut self) {
        let cycle = if self.world().engine.wants_poll() { Cycle::POLL } else { Cycle::DUE };
        self.world().engine.cycle(cycle).await.unwrap();
    }

    /// Hears what there is to be heard, until the stream has nothing more to say or breaks.
    async fn listen(&mut self) {
        if self.stream.is_none() {
            self.stream = self.world().open_stream().await.ok();
        }
        self.world().org.keep_streams_alive();
        let Some(stream) = &mut self.stream else { return };
        // An empty answer says that this was all; a stream that hangs is none.
        match tokio::time::timeout(Duration::from_secs(20), stream.next()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => self.stream = None,
            Err(_) => panic!("the stream hangs: {:?}", self.story),
        }
    }

    async fn settle(&mut self) {
        self.world().org.clear_stream_faults();
        for _ in 0..20 {
            self.world().advance(Duration::from_secs(30));
            self.listen().await;
            self.turn().await;
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_the_stream_and_the_process_nothing_is_missed_and_nothing_doubled() {
    let runs = std::env::var("LOCKSTEP_STREAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(12u64);
    for seed in 1..=runs {
        let mut run = Run::new(seed).await;
        run.listen().await;
        for _ in 0..STEPS {
            run.step().await;
        }
        run.settle().await;
        for (who, person) in run.people.iter().enumerate() {
            let story = &run.story;
            assert_eq!(
                run.world().person_status(person),
                run.wanted[who],
                "seed {seed}, person {who}: {story:?}"
            );
            let writes = run.world().product.writes_of(&person.prospect);
            assert!(writes <= run.changes[who], "seed {seed}, person {who}: {writes} writes: {story:?}");
        }
        assert_eq!(run.world().org.writes().0, 0, "seed {seed}: nothing changed in Engage");
        run.world().is_quiet().await;
    }
}
