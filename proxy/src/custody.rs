//! All that the edge keeps about keys between two calls: which rest, which of users' own were seen, what is to be noted.

use keyward_store::Store;
use keyward_store::sealing::{KeyRing, SealError};

use crate::byok_vault::ByokVault;
use crate::custody_notes::{NoteQueue, note_queue};
use crate::key_rests::KeyRests;
use crate::self_service::Attempts;

pub struct Custody {
    pub rests: KeyRests,
    pub vault: ByokVault,
    pub notes: NoteQueue,
    pub attempts: Attempts,
}

impl Custody {
    /// Notes are written as long as the process lives.
    pub fn start(store: &Store, ring: &KeyRing) -> Result<Self, SealError> {
        let (notes, writer) = note_queue(store.clone());
        let vault = ByokVault::new(store.clone(), ring.clone())?;
        tokio::spawn(writer.run());
        Ok(Self { rests: KeyRests::new(), vault, notes, attempts: Attempts::new() })
    }
}
