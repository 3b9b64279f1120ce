//! A configuration kept outside the database, for a start without it: sealed as a whole under the key-encryption key, of
//! which nobody can read or change a byte. The secrets inside are sealed once more, as in the database.

use time::OffsetDateTime;

use super::ConfigRows;
use super::rows::Rows;
use crate::sealing::{KeyRing, SealError, bind};

const MAGIC: &[u8; 14] = b"keyward config";
const FORMAT: u8 = 1;
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

impl ConfigRows {
    pub fn seal(&self, ring: &KeyRing, read_at: OffsetDateTime) -> Result<Vec<u8>, SealError> {
        let header = header(self.version, read_at);
        let plain = serde_json::to_vec(&self.rows).expect("rows are plain values");
        let sealed = ring.seal_kept(PURPOSE, &plain, &bound_to(&header))?;
        Ok([header.as_slice(), &sealed].concat())
    }

    /// With the time at which it was read from the database.
    pub fn open(ring: &KeyRing, kept: &[u8]) -> Result<(Self, OffsetDateTime), KeptConfigError> {
        let (header, sealed) = kept.split_first_chunk::<HEADER_LENGTH>().ok_or(KeptConfigError::Foreign)?;
        let rest = header.strip_prefix(MAGIC).ok_or(KeptConfigError::Foreign)?;
        let (&format, times) = rest.split_first().ok_or(KeptConfigError::Foreign)?;
        if format != FORMAT {
            return Err(KeptConfigError::OtherFormat(format));
        }
        let (version, read_at) = times.split_first_chunk::<8>().ok_or(KeptConfigError::Foreign)?;
        let read_at = read_at.first_chunk::<8>().ok_or(KeptConfigError::Foreign)?;
        let opened = ring.open_kept(PURPOSE, sealed, &bound_to(header)).map_err(|_| KeptConfigError::DoesNotOpen)?;
        let rows: Rows = serde_json::from_slice(&opened).map_err(KeptConfigError::OtherRows)?;
        let read_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*read_at));
        let read_at = read_at.map_err(|_| KeptConfigError::Foreign)?;
        Ok((Self { version: i64::from_be_bytes(*version), rows }, read_at))
    }
}

fn header(version: i64, read_at: OffsetDateTime) -> [u8; HEADER_LENGTH] {
    let parts = [MAGIC.as_slice(), &[FORMAT], &version.to_be_bytes(), &read_at.unix_timestamp().to_be_bytes()].concat();
    let mut header = [0; HEADER_LENGTH];
    header.copy_from_slice(&parts);
    header
}

fn bound_to(header: &[u8]) -> Vec<u8> {
    bind("kept configuration", &[header])
}
