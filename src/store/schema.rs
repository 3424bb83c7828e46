//! Whose store it is and of which schema; an older one is brought up to date, step by step.

use super::books::Tallies;
use super::engine::Engine;
use super::key::{Key, Kind};
use super::transaction::{Order, Quarantine, Transaction};
use super::{Held, Parked, StoreError, books};
use std::path::Path;

/// The schema this program writes. Raised with every change that an older program could not read.
///
/// 2 has the books ([`books`]), and links that came from a copy: an older program would not enter its changes into the
/// one, and would carry out what the other is too old for. 3 counts conflicts by their kind and parked writes by their
/// side: an older program would not count its changes.
pub(super) const SCHEMA: u32 = 3;

/// `MIGRATIONS[n]` brings a store from schema `n + 1` to `n + 2`.
const MIGRATIONS: &[Migration] = &[open_the_books, count_what_waits];

type Migration = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// Marks a new store as this tenant's; refuses another's and a newer one; brings an older one up to date.
pub(super) fn identify(engine: &Engine, dir: &Path, tenant: &str) -> Result<(), StoreError> {
    identify_as(engine, dir, tenant, SCHEMA, MIGRATIONS)
}

fn identify_as(
    engine: &Engine,
    dir: &Path,
    tenant: &str,
    schema: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let quarantine = Quarantine::default();
    let mut transaction = Transaction::new(engine, &quarantine);
    let Some(found) = transaction.get::<u32>(&schema_key())? else {
        if !engine.is_empty() {
            return Err(StoreError::Foreign { dir: dir.to_owned() });
        }
        transaction.put(schema_key(), &schema)?;
        transaction.put(tenant_key(), &tenant)?;
        return books::commit(engine, transaction);
    };
    if found > schema {
        return Err(StoreError::Newer { found, known: schema });
    }
    let owner = transaction.get::<String>(&tenant_key())?.unwrap_or_default();
    if owner != tenant {
        return Err(StoreError::OtherTenant { found: owner, asked: tenant.to_owned() });
    }
    for (from, migrate) in (1..).zip(migrations) {
        if from >= found {
            let mut transaction = Transaction::new(engine, &quarantine);
            migrate(&mut transaction)?;
            transaction.put(schema_key(), &(from + 1))?;
            books::commit(engine, transaction)?;
        }
    }
    Ok(())
}

/// From schema 1: the books are opened, with what is there.
fn open_the_books(t: &mut Transaction<'_>) -> Result<(), StoreError> {
    let mut tallies = Tallies::new();
    for kind in Kind::ALL {
        for row in t.scan_bytes(kind.key()..kind.key().end(), Order::Ascending) {
            let (_, bytes) = row?;
            tallies.entry(kind).or_default().add(&bytes);
        }
    }
    tallies.iter().try_for_each(|(kind, tally)| t.put(books::tally_key(*kind), tally))
}

/// From schema 2: what waits for a person is counted by what it is.
fn count_what_waits(t: &mut Transaction<'_>) -> Result<(), StoreError> {
    t.count_classes::<Held>()?;
    t.count_classes::<Parked>()
}

fn schema_key() -> Key {
    Kind::Own.key().text("schema")
}

fn tenant_key() -> Key {
    Kind::Own.key().text("tenant")
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestStore;
    use super::*;

    fn identified(
        store: &TestStore,
        tenant: &str,
        schema: u32,
        migrations: &[Migration],
    ) -> Result<(), StoreError> {
        identify_as(&store.engine, Path::new("store"), tenant, schema, migrations)
    }

    #[test]
    fn a_newer_schema_and_another_tenant_are_refused() {
        let store = TestStore::new();
        identified(&store, "acme", 2, &[]).unwrap();
        identified(&store, "acme", 2, &[]).unwrap();
        assert_eq!(identified(&store, "acme", 1, &[]), Err(StoreError::Newer { found: 2, known: 1 }));
        let error = identified(&store, "globex", 2, &[]).unwrap_err();
        assert_eq!(error, StoreError::OtherTenant { found: "acme".to_owned(), asked: "globex".to_owned() });
    }

    #[test]
    fn rows_without_a_schema_are_not_taken_over() {
        let store = TestStore::new();
        store.write(|t| t.set_meta("whose", "unknown")).unwrap();
        assert!(matches!(identified(&store, "acme", 1, &[]), Err(StoreError::Foreign { .. })));
    }

    #[test]
    fn an_older_store_is_migrated_step_by_step_and_each_step_once() {
        fn append(t: &mut Transaction<'_>, step: &str) -> Result<(), StoreError> {
            let done = t.meta("steps")?.unwrap_or_default();
            t.set_meta("steps", &(done + step))
        }
        let migrations: &[Migration] = &[
            |_| Err(StoreError::Aborted { reason: "the first step was done long ago".to_owned() }),
            |t| append(t, "2 to 3, "),
            |t| append(t, "3 to 4"),
        ];
        let store = TestStore::new();
        identified(&store, "acme", 2, &[]).unwrap();
        identified(&store, "acme", 4, migrations).unwrap();
        identified(&store, "acme", 4, migrations).unwrap();
        assert_eq!(store.reader().meta("steps").unwrap().as_deref(), Some("2 to 3, 3 to 4"));
    }

    #[test]
    fn there_is_a_migration_to_every_schema_but_the_first() {
        assert_eq!(MIGRATIONS.len() + 1, SCHEMA as usize);
    }
}
