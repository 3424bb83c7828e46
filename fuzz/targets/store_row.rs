//! Rows of the store: any bytes at any key, with the checksum that lets them be read, or as they are.

use lockstep::store::{SimulatedDisk, Store};

const TENANT: &str = "acme";

/// The key ends at the first line break; behind it stands `=` and a value that is given its format and checksum, or `!` and
/// the bytes as they are. What comes behind a line `%%` is another row.
pub fn run(bytes: &[u8]) {
    let disk = SimulatedDisk::default();
    drop(Store::simulated(&disk, TENANT).expect("a new store"));
    let mut rest = bytes;
    for _ in 0..16 {
        let (row, behind) = super::wire::split(rest, b"\n%%\n").unwrap_or((rest, b""));
        if let Some((key, value)) = super::wire::split(row, b"\n") {
            match value.split_first() {
                Some((b'=', json)) => disk.put_bytes(key, &sealed(key, json)),
                Some((b'!', raw)) => disk.put_bytes(key, raw),
                _ => {}
            }
        }
        rest = behind;
    }
    let Ok(store) = Store::simulated(&disk, TENANT) else { return };
    read(&store);
    write(&store);
    read(&store);
}

/// A value as `src/store/value.rs` writes it: the format, a CRC-32 of key, format and payload, and the payload.
fn sealed(key: &[u8], json: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    [key, &[1], json].iter().for_each(|part| hasher.update(part));
    [&[1], &hasher.finalize().to_le_bytes()[..], json].concat()
}

fn read(store: &Store) {
    let _ = store.read_blocking(|r| {
        let jane = "p_1".parse().expect("an id");
        let lead = "00Q5f000005bwLF".parse().expect("an id");
        let now = super::wire::now();
        let _ = (r.link(&jane), r.links_after(None, 100), r.links_by_salesforce(&lead), r.link_count());
        let _ = (r.intent(&jane), r.intents_after(None, 100), r.own_pauses(&jane), r.intent_count());
        let _ = (r.held(&jane), r.held_by_id("c_1"), r.held_after(None, 100), r.held_count());
        let _ = (r.parked(&jane), r.parked_after(None, 100), r.parked_count());
        let _ = (r.due(&jane), r.due_ready(now, 100), r.next_due_at(), r.due_count());
        let _ = (r.former(&jane), r.formers_by_salesforce(&lead), r.newcomers(), r.newcomer("p_1"));
        let _ = (r.journal_recent(100), r.journal_of(&jane, 100), r.journal_of_salesforce(&lead, 100));
        let _ = (r.cursors(), r.cursor("engage"), r.meta("paused"), r.journal_count());
        let _ = (lockstep::store::marks::is_paused(r), lockstep::store::marks::swept_at(r));
        Ok(())
    });
    let _ = format!("{:?}", store.damaged());
}

fn write(store: &Store) {
    let now = super::wire::now();
    let jane: lockstep::model::ProspectId = "p_1".parse().expect("an id");
    let id = jane.clone();
    let _ = store.write_blocking(move |t| t.set_cursor("engage", "here"));
    let kept = store.write_blocking(move |t| {
        let link = lockstep::model::Link::new(id.clone(), "00Q5f000005bwLF".parse().expect("an id"));
        t.put_link(&link)?;
        Ok(link)
    });
    // What was acknowledged is there, whatever stood in its place.
    if let Ok(kept) = kept {
        let id = jane.clone();
        assert_eq!(store.read_blocking(move |r| r.link(&id)), Ok(Some(kept)));
    }
    let _ = store.write_blocking(move |t| {
        let seen = lockstep::store::Seen {
            side: None,
            source: lockstep::store::Source::Poll,
            at: now,
            value: None,
            by: None,
        };
        t.mark_due(&jane, seen)
    });
    let _ = store.write_blocking(|t| t.next_change());
}
