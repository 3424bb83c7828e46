//! Records that a bulk job has read, until they are looked at: in a file without a name, beside the store. It goes with the
//! process, whatever becomes of that; memory holds 24 bytes a record.

use crate::model::{Fields, SalesforceId, SalesforceRecord, SetAt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A record that is there.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    id: SalesforceId,
    fields: Fields,
    modified: Timestamp,
    modified_by: Option<String>,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    hash: u64,
    offset: u64,
    bytes: u32,
}

/// The records of the jobs that have come to their end.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    end: u64,
    places: Vec<Place>,
    is_sorted: bool,
}

impl Spool {
    /// An empty one, in a directory of ours.
    ///
    /// # Errors
    /// When there can be no file there.
    pub(super) fn new(dir: &Path) -> io::Result<Spool> {
        let name = dir.join(format!("backfill.{}", uuid::Uuid::new_v4().simple()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&name)?;
        // From here on it has no name, and is gone as soon as nobody has it open.
        std::fs::remove_file(&name)?;
        Ok(Spool { file, end: 0, places: Vec::new(), is_sorted: true })
    }

    /// Keeps records. What a deleted or converted one became is read when it is looked at.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) fn add(&mut self, records: &[SalesforceRecord]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records.iter().filter(|r| !r.is_deleted && !r.is_converted && r.master_record.is_none())
        {
            let start = bytes.len();
            let row = Row {
                id: record.id,
                fields: record.fields.clone(),
                modified: record.last_modified,
                modified_by: record.last_modified_by.clone(),
            };
            serde_json::to_writer(&mut bytes, &row)?;
            let length = u32::try_from(bytes.len() - start).map_err(io::Error::other)?;
            self.places.push(Place { hash: hash(record.id), offset: self.end + start as u64, bytes: length });
        }
        (&self.file).write_all(&bytes)?;
        self.end += bytes.len() as u64;
        self.is_sorted = false;
        Ok(())
    }

    /// The records with these ids, as far as there are any.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn get(&mut self, ids: &[SalesforceId]) -> io::Result<Vec<SalesforceRecord>> {
        if !self.is_sorted {
            self.places.sort_unstable();
            self.is_sorted = true;
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let hash = hash(*id);
            let from = self.places.partition_point(|place| place.hash < hash);
            for place in self.places[from..].iter().take_while(|place| place.hash == hash) {
                let mut bytes = vec![0; place.bytes as usize];
                self.file.read_exact_at(&mut bytes, place.offset)?;
                let row: Row = serde_json::from_slice(&bytes)?;
                if row.id == *id {
                    found.push(record(row));
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn hash(id: SalesforceId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

fn record(row: Row) -> SalesforceRecord {
    SalesforceRecord {
        id: row.id,
        fields: row.fields,
        is_converted: false,
        converted_contact: None,
        is_deleted: false,
        master_record: None,
        email: None,
        last_modified: row.modified,
        last_modified_by: row.modified_by,
        system_modstamp: row.modified,
        status_set_at: SetAt::NotAfter(row.modified),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else_and_the_file_has_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let id = |n: u32| -> SalesforceId { format!("00Q5f0000{n:06}").parse().unwrap() };
        let row =
            |n| Row { id: id(n), fields: Fields::new(), modified: Timestamp::UNIX_EPOCH, modified_by: None };
        let records: Vec<_> = (0..1000).map(|n| record(row(n))).collect();
        spool.add(&records[..500]).unwrap();
        spool.add(&records[500..]).unwrap();
        let gone = SalesforceRecord { is_deleted: true, ..record(row(2000)) };
        spool.add(&[gone]).unwrap();
        let found = spool.get(&[id(999), id(0), id(1500), id(2000)]).unwrap();
        assert_eq!(found, [records[999].clone(), records[0].clone()]);
    }
}
