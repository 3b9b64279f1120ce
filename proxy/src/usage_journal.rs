//! Finished requests on this edge's own disk, in a store of `redb`: batches in their order, each written with one sync,
//! removed once PostgreSQL has them. Must not know how they get there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use keyward_domain::usage::UsageEvent;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use time::OffsetDateTime;
use tracing::{error, warn};

/// In the edge's folder.
pub const FILE: &str = "usage.redb";
/// JSON, so that an edge reads what one of before or after it wrote.
const BATCHES: TableDefinition<u64, &[u8]> = TableDefinition::new("batches");
/// Bytes and events of each batch, to be told without reading it.
const SIZES: TableDefinition<u64, (u64, u64)> = TableDefinition::new("sizes");
const CACHE_BYTES: usize = 4 << 20;
/// A value that is larger than a page takes the next power of two.
const PAGE_BYTES: u64 = 4_096;

pub struct Journal {
    path: PathBuf,
    most_bytes: u64,
    /// Closed after an error of the disk, until it could be opened again.
    database: RwLock<Option<Database>>,
    level: Mutex<Level>,
}

/// How much waits on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    pub bytes: u64,
    pub events: u64,
    /// The place of the last batch; places only grow.
    pub last: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("as much waits on disk as may (KEYWARD_USAGE_DISK_MAX_BYTES)")]
    Full,
    #[error("{0}")]
    Disk(#[from] redb::Error),
    #[error("it is closed after an error of the disk")]
    Closed,
    #[error("an event can't be written as JSON: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// A batch as it was read; `None` if nobody can read it any more.
pub struct Stored {
    pub place: u64,
    pub events: Option<Vec<UsageEvent>>,
}

impl Journal {
    /// A store that can't be read is set aside, loudly; one that the disk won't give is an error.
    pub fn open(path: PathBuf, most_bytes: u64, now: OffsetDateTime) -> Result<Self, JournalError> {
        let journal = Self { path, most_bytes, database: RwLock::new(None), level: Mutex::default() };
        match journal.reopen() {
            Err(JournalError::Disk(error)) if is_corrupt(&error) => {
                journal.set_aside(&error, now)?;
                journal.reopen()?;
            }
            opened => opened.map(|_| ())?,
        }
        Ok(journal)
    }

    pub fn level(&self) -> Level {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_over_half(&self) -> bool {
        self.level().bytes > self.most_bytes / 2
    }

    /// After an error of the disk. Returns how much waits there.
    pub fn reopen(&self) -> Result<Level, JournalError> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        let (database, found) = open(&self.path)?;
        *slot = Some(database);
        drop(slot);
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        *level = Level { last: found.last.max(level.last), ..found };
        Ok(*level)
    }

    /// One commit: what was shipped goes, the batch comes. When this returns, it outlives the process and the machine.
    pub fn append(&self, events: &[UsageEvent], shipped: u64) -> Result<u64, JournalError> {
        let json = serde_json::to_vec(events)?;
        let batch = Batch { place: self.level().last + 1, json: &json, events: events.len() as u64 };
        match self.commit(shipped, Some(&batch))? {
            Fits::Yes => Ok(batch.place),
            Fits::No => Err(JournalError::Full),
        }
    }

    /// Removes what was shipped.
    pub fn trim(&self, shipped: u64) -> Result<(), JournalError> {
        self.commit(shipped, None).map(|_| ())
    }

    /// The batches after this place, oldest first, up to about so many events; at least one.
    pub fn read_after(&self, place: u64, most_events: usize) -> Result<Vec<Stored>, JournalError> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(read_after(slot.as_ref().ok_or(JournalError::Closed)?, place, most_events)?)
    }

    fn commit(&self, shipped: u64, batch: Option<&Batch<'_>>) -> Result<Fits, JournalError> {
        let written = {
            let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let room = &Room { level: self.level(), most_bytes: self.most_bytes };
            write(slot.as_ref().ok_or(JournalError::Closed)?, shipped, batch, room)
        };
        let (level, fits) = written.inspect_err(|_| {
            // redb takes nothing more after an error of the disk, but from the beginning.
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        })?;
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = level;
        Ok(fits)
    }

    fn set_aside(&self, why: &redb::Error, now: OffsetDateTime) -> Result<(), JournalError> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(format!(".broken-{}", now.unix_timestamp()));
        std::fs::rename(&self.path, &aside).map_err(redb::Error::Io)?;
        error!(
            error = %why,
            aside = %Path::new(&aside).display(),
            "the usage events on disk can't be read; their file is set aside, and what was in it is not counted"
        );
        Ok(())
    }
}

struct Batch<'a> {
    place: u64,
    json: &'a [u8],
    events: u64,
}

struct Room {
    level: Level,
    most_bytes: u64,
}

enum Fits {
    Yes,
    No,
}

fn open(path: &Path) -> Result<(Database, Level), redb::Error> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder.set_repair_callback(|repair| {
        if repair.progress() == 0.0 {
            warn!("the usage events on disk were not closed; they are checked");
        }
    });
    let database = builder.create(path)?;
    let writing = database.begin_write()?;
    let mut level = Level::default();
    {
        writing.open_table(BATCHES)?;
        let sizes = writing.open_table(SIZES)?;
        for entry in sizes.iter()? {
            let (place, size) = entry?;
            let (bytes, events) = size.value();
            level = Level { bytes: level.bytes + bytes, events: level.events + events, last: place.value() };
        }
    }
    writing.commit()?;
    Ok((database, level))
}

fn write(
    database: &Database,
    shipped: u64,
    batch: Option<&Batch<'_>>,
    room: &Room,
) -> Result<(Level, Fits), redb::Error> {
    let (mut level, mut fits) = (room.level, Fits::Yes);
    let writing = database.begin_write()?;
    {
        let (mut batches, mut sizes) = (writing.open_table(BATCHES)?, writing.open_table(SIZES)?);
        remove_through(&mut batches, &mut sizes, shipped, &mut level)?;
        if let Some(batch) = batch {
            let bytes = disk_bytes(batch.json.len());
            if level.bytes + bytes > room.most_bytes {
                fits = Fits::No;
            } else {
                batches.insert(batch.place, batch.json)?;
                sizes.insert(batch.place, (bytes, batch.events))?;
                level = Level { bytes: level.bytes + bytes, events: level.events + batch.events, last: batch.place };
            }
        }
    }
    writing.commit()?;
    Ok((level, fits))
}

fn remove_through(
    batches: &mut Table<'_, u64, &'static [u8]>,
    sizes: &mut Table<'_, u64, (u64, u64)>,
    shipped: u64,
    level: &mut Level,
) -> Result<(), redb::Error> {
    loop {
        let first = sizes.first()?.map(|(place, size)| (place.value(), size.value()));
        let Some((place, (bytes, events))) = first.filter(|(place, _)| *place <= shipped) else { return Ok(()) };
        batches.remove(place)?;
        sizes.remove(place)?;
        level.bytes = level.bytes.saturating_sub(bytes);
        level.events = level.events.saturating_sub(events);
    }
}

fn read_after(database: &Database, place: u64, most_events: usize) -> Result<Vec<Stored>, redb::Error> {
    let reading = database.begin_read()?;
    let table = reading.open_table(BATCHES)?;
    let (mut found, mut events) = (Vec::new(), 0);
    for entry in table.range(place + 1..)? {
        let (place, batch) = entry?;
        let parsed: Result<Vec<UsageEvent>, _> = serde_json::from_slice(batch.value());
        if let Err(error) = &parsed {
            error!(place = place.value(), %error, "a batch of usage events on disk can't be read");
        }
        let stored = Stored { place: place.value(), events: parsed.ok() };
        events += stored.events.as_ref().map_or(0, Vec::len);
        found.push(stored);
        if events >= most_events {
            break;
        }
    }
    Ok(found)
}

/// The file is there and is not what redb wrote, as opposed to a disk that is full or closed to us.
fn is_corrupt(error: &redb::Error) -> bool {
    match error {
        redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) | redb::Error::RepairAborted => true,
        redb::Error::Io(error) => matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof),
        // All that redb could say of a table of its own making.
        redb::Error::TableTypeMismatch { .. } | redb::Error::TypeDefinitionChanged { .. } => true,
        _ => false,
    }
}

/// About what a batch takes of the file.
fn disk_bytes(length: usize) -> u64 {
    let length = length as u64;
    if length > PAGE_BYTES { length.next_power_of_two() } else { length }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::usage_queue::tests::event;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    struct Folder(PathBuf);

    impl Folder {
        fn fresh() -> Self {
            let path = std::env::temp_dir().join(format!("keyward-journal-{}", uuid::Uuid::new_v4()));
            std::fs::create_dir_all(&path).expect("made");
            Self(path)
        }

        fn journal(&self, most_bytes: u64) -> Journal {
            Journal::open(self.0.join(FILE), most_bytes, NOW).expect("opened")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn events(stored: Vec<Stored>) -> Vec<UsageEvent> {
        stored.into_iter().flat_map(|batch| batch.events.expect("readable")).collect()
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart_in_its_order_and_what_was_shipped_is_not() {
        let folder = Folder::fresh();
        let written: Vec<UsageEvent> = (0..5).map(|_| event()).collect();
        let journal = folder.journal(1 << 20);
        for batch in written.chunks(2) {
            journal.append(batch, 0).expect("appended");
        }
        assert_eq!((journal.level().events, journal.level().last), (5, 3));
        drop(journal);
        let journal = folder.journal(1 << 20);
        assert_eq!(events(journal.read_after(0, 100).expect("read")), written);
        assert_eq!(events(journal.read_after(1, 1).expect("read")), written[2..4]);
        journal.trim(2).expect("trimmed");
        assert_eq!(events(journal.read_after(0, 100).expect("read")), written[4..]);
        // Places are not given twice, even if none is left.
        journal.trim(3).expect("trimmed");
        assert_eq!(journal.level(), Level { bytes: 0, events: 0, last: 3 });
        assert_eq!(journal.append(&written, 3).expect("appended"), 4);
    }

    #[test]
    fn there_is_no_more_on_disk_than_may_be_and_shipping_makes_room() {
        let folder = Folder::fresh();
        let journal = folder.journal(3_000);
        let place = (1..100).find(|_| matches!(journal.append(&[event()], 0), Err(JournalError::Full)));
        assert!(place.is_some());
        let level = journal.level();
        assert!(level.bytes <= 3_000 && level.events > 1, "{level:?}");
        assert_eq!(journal.append(&[event()], 1).expect("room"), level.last + 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside() {
        let folder = Folder::fresh();
        std::fs::write(folder.0.join(FILE), "x".repeat(20_000)).expect("written");
        let journal = folder.journal(1 << 20);
        journal.append(&[event()], 0).expect("appended");
        let names: Vec<_> = std::fs::read_dir(&folder.0).expect("there").flatten().map(|e| e.file_name()).collect();
        assert!(names.iter().any(|name| name.to_string_lossy().starts_with("usage.redb.broken-")), "{names:?}");
    }

    #[test]
    fn an_event_of_another_version_is_read() {
        let mut value = serde_json::to_value(event()).expect("JSON");
        let object = value.as_object_mut().expect("an object");
        object.insert("of_later".to_owned(), 1.into());
        object.remove("byok_key");
        assert!(serde_json::from_value::<UsageEvent>(value).is_ok());
    }
}
