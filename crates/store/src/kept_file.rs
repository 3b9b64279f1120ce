//! What is kept outside the database, for a start without it: sealed under the key-encryption key, of which nobody can read or
//! change a byte. The secrets inside are sealed once more, as in the database.
//!
//! A header in the clear, then pieces one after the other, each with its length, its place and the header bound to its seal;
//! the last one is empty, so that nothing can be cut off, left out or put in another order.

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::sealing::{KeyRing, SealError, bind};

const FORMAT: u8 = 2;
/// What stands in the clear: magic, format, version, and when it was read. All of it is bound to the rest.
const HEADER_LENGTH: usize = 14 + 1 + 8 + 8;

/// What is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptKind {
    Configuration,
    Plans,
}

impl KeptKind {
    fn magic(self) -> &'static [u8; 14] {
        match self {
            Self::Configuration => b"keyward config",
            Self::Plans => b"keyward plans\n",
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Configuration => "keyward kept configuration v1",
            Self::Plans => "keyward kept plans v1",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("it is not such a file, or was cut short")]
    Foreign,
    #[error("it was kept in format {0}, which this version does not read")]
    OtherFormat(u8),
    #[error("it does not open: it was changed, or kept under another key-encryption key")]
    DoesNotOpen,
    #[error("it was kept by another version of the edge: {0}")]
    OtherRows(#[source] serde_json::Error),
}

/// Gives the bytes to write, in their order.
pub struct KeptSealer {
    ring: KeyRing,
    kind: KeptKind,
    header: [u8; HEADER_LENGTH],
    pieces: u64,
}

impl KeptSealer {
    pub fn new(ring: KeyRing, kind: KeptKind, version: i64, read_at: OffsetDateTime) -> Self {
        let times = [version.to_be_bytes(), read_at.unix_timestamp().to_be_bytes()].concat();
        let parts = [kind.magic().as_slice(), &[FORMAT], &times].concat();
        let mut header = [0; HEADER_LENGTH];
        header.copy_from_slice(&parts);
        Self { ring, kind, header, pieces: 0 }
    }

    /// To be written first.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    pub fn seal(&mut self, piece: &impl Serialize) -> Result<Vec<u8>, SealError> {
        let plain = serde_json::to_vec(piece).expect("rows are plain values");
        self.framed(&plain)
    }

    /// To be written last.
    pub fn end(mut self) -> Result<Vec<u8>, SealError> {
        self.framed(&[])
    }

    fn framed(&mut self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let bound_to = bound_to(&self.header, self.pieces);
        let sealed = self.ring.seal_kept(self.kind.purpose(), plain, &bound_to)?;
        self.pieces += 1;
        Ok([&(sealed.len() as u64).to_be_bytes(), sealed.as_slice()].concat())
    }
}

/// Opens piece by piece. None of it counts before the end was there.
pub struct KeptReader<'k> {
    ring: &'k KeyRing,
    kind: KeptKind,
    header: &'k [u8; HEADER_LENGTH],
    rest: &'k [u8],
    pieces: u64,
    pub version: i64,
    /// When it was read from the database.
    pub read_at: OffsetDateTime,
}

impl<'k> KeptReader<'k> {
    pub fn new(ring: &'k KeyRing, kind: KeptKind, kept: &'k [u8]) -> Result<Self, KeptError> {
        let (header, rest) = kept.split_first_chunk::<HEADER_LENGTH>().ok_or(KeptError::Foreign)?;
        let fields = header.strip_prefix(kind.magic()).ok_or(KeptError::Foreign)?;
        let (&format, times) = fields.split_first().ok_or(KeptError::Foreign)?;
        if format != FORMAT {
            return Err(KeptError::OtherFormat(format));
        }
        let (version, read_at) = times.split_first_chunk::<8>().ok_or(KeptError::Foreign)?;
        let read_at = read_at.first_chunk::<8>().ok_or(KeptError::Foreign)?;
        let read_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*read_at));
        let read_at = read_at.map_err(|_| KeptError::Foreign)?;
        Ok(Self { ring, kind, header, rest, pieces: 0, version: i64::from_be_bytes(*version), read_at })
    }

    /// `None` behind the last one.
    pub fn next_piece<T: DeserializeOwned>(&mut self) -> Result<Option<T>, KeptError> {
        let (length, rest) = self.rest.split_first_chunk::<8>().ok_or(KeptError::Foreign)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| KeptError::Foreign)?;
        let (sealed, rest) = rest.split_at_checked(length).ok_or(KeptError::Foreign)?;
        let opened = self.ring.open_kept(self.kind.purpose(), sealed, &bound_to(self.header, self.pieces));
        let plain = opened.map_err(|_| KeptError::DoesNotOpen)?;
        (self.rest, self.pieces) = (rest, self.pieces + 1);
        if plain.is_empty() {
            return if rest.is_empty() { Ok(None) } else { Err(KeptError::Foreign) };
        }
        serde_json::from_slice(&plain).map(Some).map_err(KeptError::OtherRows)
    }
}

fn bound_to(header: &[u8], place: u64) -> Vec<u8> {
    bind("kept file", &[header, &place.to_be_bytes()])
}
