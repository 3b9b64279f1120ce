//! How many bytes of bodies all requests together may hold in memory. Who gets none is told to try again.

use std::sync::Arc;

use keyward_domain::rejection::Rejection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one permit stands for.
const PIECE_BYTES: usize = 4 << 10;

#[derive(Clone)]
pub struct ByteBudget(Arc<Semaphore>);

/// Bytes taken from the budget; given back when dropped.
pub struct Lease {
    budget: ByteBudget,
    /// What was last asked for; the pieces may hold a little more.
    bytes: usize,
    pieces: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl ByteBudget {
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PIECE_BYTES).min(Semaphore::MAX_PERMITS))))
    }

    pub fn lease(&self) -> Lease {
        Lease { budget: self.clone(), bytes: 0, pieces: 0, held: None }
    }
}

impl Lease {
    /// Covers `bytes` in all from now on.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Rejection> {
        let more = bytes.div_ceil(PIECE_BYTES).saturating_sub(self.pieces);
        if more == 0 {
            self.bytes = self.bytes.max(bytes);
            return Ok(());
        }
        let permits = u32::try_from(more).map_err(|_| Rejection::Overloaded)?;
        let taken = self.budget.0.clone().try_acquire_many_owned(permits).map_err(|_| Rejection::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        self.pieces += more;
        self.bytes = self.bytes.max(bytes);
        Ok(())
    }

    /// Covers so many more.
    pub fn grow_by(&mut self, bytes: usize) -> Result<(), Rejection> {
        self.grow_to(self.bytes.saturating_add(bytes))
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.bytes = self.bytes.min(bytes);
        let less = self.pieces.saturating_sub(bytes.div_ceil(PIECE_BYTES));
        if let Some(given_back) = self.held.as_mut().and_then(|held| held.split(less)) {
            self.pieces -= less;
            drop(given_back);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_leased_is_not_there_for_others_until_it_is_given_back() {
        let budget = ByteBudget::new(8 * PIECE_BYTES);
        let (mut one, mut two) = (budget.lease(), budget.lease());
        assert_eq!(one.grow_to(3 * PIECE_BYTES), Ok(()));
        assert_eq!(one.grow_to(2 * PIECE_BYTES), Ok(()), "no less than before");
        assert_eq!(one.grow_to(5 * PIECE_BYTES - 1), Ok(()));
        assert_eq!(two.grow_to(3 * PIECE_BYTES + 1), Err(Rejection::Overloaded));
        assert_eq!(two.grow_to(3 * PIECE_BYTES), Ok(()));
        one.shrink_to(6 * PIECE_BYTES);
        one.shrink_to(4 * PIECE_BYTES - 1);
        assert_eq!(two.grow_to(5 * PIECE_BYTES), Err(Rejection::Overloaded));
        assert_eq!(two.grow_to(4 * PIECE_BYTES), Ok(()));
        drop(one);
        assert_eq!(two.grow_to(8 * PIECE_BYTES), Ok(()));
    }

    #[test]
    fn what_is_added_is_added_to_the_bytes_and_not_to_whole_pieces() {
        let budget = ByteBudget::new(2 * PIECE_BYTES);
        let mut lease = budget.lease();
        assert_eq!(lease.grow_to(10), Ok(()));
        for _ in 0..3 {
            assert_eq!(lease.grow_by(PIECE_BYTES / 2), Ok(()));
        }
        assert_eq!(lease.grow_by(PIECE_BYTES / 2), Err(Rejection::Overloaded));
        lease.shrink_to(10);
        assert_eq!(lease.grow_by(PIECE_BYTES), Ok(()));
        assert_eq!(lease.grow_by(PIECE_BYTES), Err(Rejection::Overloaded));
    }
}
