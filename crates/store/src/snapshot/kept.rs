//! A configuration kept outside the database, for a start without it: sealed under the key-encryption key, of which nobody
//! can read or change a byte. The secrets inside are sealed once more, as in the database.
//!
//! A header in the clear, then pieces one after the other, each with its length, its place and the header bound to its seal;
//! the last one is empty and says how many there are, so that nothing can be cut off, left out or put in another order.

use keyward_domain::ids::AppId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ConfigRows;
use super::rows::Rows;
use crate::sealing::{KeyRing, SealError, bind};

const MAGIC: &[u8; 14] = b"keyward config";
const FORMAT: u8 = 2;
const PURPOSE: &str = "keyward kept configuration v1";
/// What stands in the clear: magic, format, version, and when it was read. All of it is bound to the rest.
const HEADER_LENGTH: usize = MAGIC.len() + 1 + 8 + 8;

#[derive(Debug, thiserror::Error)]
pub enum KeptConfigError {
    #[error("it is no kept configuration, or was cut short")]
    Foreign,
    #[error("it was kept in format {0}, which this version does not read")]
    OtherFormat(u8),
    #[error("it does not open: it was changed, or kept under another key-encryption key")]
    DoesNotOpen,
    #[error("it was kept by another version of the edge: {0}")]
    OtherRows(#[source] serde_json::Error),
}

/// Gives the bytes to write, in their order.
pub struct KeptConfigSealer {
    ring: KeyRing,
    header: [u8; HEADER_LENGTH],
    pieces: u64,
}

impl KeptConfigSealer {
    pub fn new(ring: KeyRing, version: i64, read_at: OffsetDateTime) -> Self {
        Self { ring, header: header(version, read_at), pieces: 0 }
    }

    /// To be written first.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    pub fn seal(&mut self, rows: &ConfigRows) -> Result<Vec<u8>, SealError> {
        let apps: Vec<Uuid> = rows.apps.iter().map(|app| app.0).collect();
        let plain = serde_json::to_vec(&(apps, &rows.rows)).expect("rows are plain values");
        self.framed(&plain)
    }

    /// To be written last.
    pub fn end(mut self) -> Result<Vec<u8>, SealError> {
        self.framed(&[])
    }

    fn framed(&mut self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let sealed = self.ring.seal_kept(PURPOSE, plain, &bound_to(&self.header, self.pieces))?;
        self.pieces += 1;
        Ok([&(sealed.len() as u64).to_be_bytes(), sealed.as_slice()].concat())
    }
}

/// Opens piece by piece. None of it counts before the end was there.
pub struct KeptConfigReader<'k> {
    ring: &'k KeyRing,
    header: &'k [u8; HEADER_LENGTH],
    rest: &'k [u8],
    pieces: u64,
    pub version: i64,
    /// When it was read from the database.
    pub read_at: OffsetDateTime,
}

impl<'k> KeptConfigReader<'k> {
    pub fn new(ring: &'k KeyRing, kept: &'k [u8]) -> Result<Self, KeptConfigError> {
        let (header, rest) = kept.split_first_chunk::<HEADER_LENGTH>().ok_or(KeptConfigError::Foreign)?;
        let fields = header.strip_prefix(MAGIC).ok_or(KeptConfigError::Foreign)?;
        let (&format, times) = fields.split_first().ok_or(KeptConfigError::Foreign)?;
        if format != FORMAT {
            return Err(KeptConfigError::OtherFormat(format));
        }
        let (version, read_at) = times.split_first_chunk::<8>().ok_or(KeptConfigError::Foreign)?;
        let read_at = read_at.first_chunk::<8>().ok_or(KeptConfigError::Foreign)?;
        let read_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*read_at));
        let read_at = read_at.map_err(|_| KeptConfigError::Foreign)?;
        Ok(Self { ring, header, rest, pieces: 0, version: i64::from_be_bytes(*version), read_at })
    }

    /// `None` behind the last one.
    pub fn next_piece(&mut self) -> Result<Option<ConfigRows>, KeptConfigError> {
        let (length, rest) = self.rest.split_first_chunk::<8>().ok_or(KeptConfigError::Foreign)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| KeptConfigError::Foreign)?;
        let (sealed, rest) = rest.split_at_checked(length).ok_or(KeptConfigError::Foreign)?;
        let opened = self.ring.open_kept(PURPOSE, sealed, &bound_to(self.header, self.pieces));
        let plain = opened.map_err(|_| KeptConfigError::DoesNotOpen)?;
        (self.rest, self.pieces) = (rest, self.pieces + 1);
        if plain.is_empty() {
            return if rest.is_empty() { Ok(None) } else { Err(KeptConfigError::Foreign) };
        }
        let (apps, rows): (Vec<Uuid>, Rows) = serde_json::from_slice(&plain).map_err(KeptConfigError::OtherRows)?;
        Ok(Some(ConfigRows { apps: apps.into_iter().map(AppId).collect(), rows }))
    }
}

fn header(version: i64, read_at: OffsetDateTime) -> [u8; HEADER_LENGTH] {
    let parts = [MAGIC.as_slice(), &[FORMAT], &version.to_be_bytes(), &read_at.unix_timestamp().to_be_bytes()].concat();
    let mut header = [0; HEADER_LENGTH];
    header.copy_from_slice(&parts);
    header
}

fn bound_to(header: &[u8], place: u64) -> Vec<u8> {
    bind("kept configuration", &[header, &place.to_be_bytes()])
}
