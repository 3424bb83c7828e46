//! The store's own story: copies, damage, full disks, growth, upgrades.

mod copies;
mod damage;
mod full;
mod growth;
pub mod rows;
mod upgrade;
