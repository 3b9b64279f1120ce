//! A call's place under its limits, which is given up exactly once, however the call ends.

use std::sync::Arc;

use super::{Limiter, Limits, Reservation, Settlement};

/// Of a slot that is held, proof for those who only need to know that there is one.
pub struct Ticket(());

pub struct Slot {
    limits: Arc<Limits>,
    reservation: Option<Reservation>,
}

impl Slot {
    pub fn new(limits: Arc<Limits>, reservation: Reservation) -> (Self, Ticket) {
        (Self { limits, reservation: Some(reservation) }, Ticket(()))
    }

    pub fn settle(mut self, settlement: Settlement) {
        if let Some(reservation) = self.reservation.take() {
            self.limits.settle(reservation, settlement);
        }
    }
}

impl Drop for Slot {
    /// Nobody said what was used: the call never began.
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.limits.settle(reservation, Settlement::Refund);
        }
    }
}
