//! What happens when something is bad or much: a record that always fails, a value that nobody may have, a flood, a system
//! that is down for a day. `docs/pressure.md` tells the outcomes.

mod down;
mod flood;
mod held_rows;
mod poison;
