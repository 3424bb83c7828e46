//! Stories over real HTTP: the daemon's own path between a Salesforce and a Revenue Engage of the sandbox, all three on
//! one clock that is turned by hand.

mod both_ways;
mod budget;
mod bulk;
mod cleared;
mod conflicts;
mod declared_window;
mod events;
mod fields;
mod hostile_stream;
mod listening;
mod lives;
mod lives_access;
mod lives_gone;
mod lives_moved;
mod lives_page;
mod lives_touched;
mod many;
mod moments;
mod named_anew;
mod newcomers;
mod newcomers_end;
mod outbound;
mod outcomes;
mod polls;
mod restored;
mod scale;
mod scope;
mod set_back;
pub mod trouble;
mod twins;
mod twins_unlinked;
mod users;
pub mod world;
