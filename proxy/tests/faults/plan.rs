//! Which fault comes when. Every fault once, in an order of the seed's; then again in another.

use crate::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `kill -9`, and a new process soon after.
    EdgeKilled,
    BothEdgesKilled,
    /// One after the other is asked to stop, and started again.
    EdgesRolled,
    /// All its processes stand still; what was asked is answered late, or too late.
    PostgresFrozen,
    /// Stopped at once, as by a loss of power, and started again.
    PostgresCrashed,
    RedisFrozen,
    /// `kill -9`, and a start from its log.
    RedisCrashed,
    /// An edge is killed while neither it nor its successor can ask Postgres.
    EdgeKilledWithoutPostgres,
    /// A user is blocked.
    SettingsChanged,
    /// A user is blocked, and nobody is told.
    NoticeLost,
    /// No byte more fits where the edges keep what is not yet in Postgres.
    DiskFull,
    /// The edges' clocks jump and come back.
    ClockStepped,
    /// Nothing but what clients and the provider do: resets, stalls, refusals.
    Calm,
}

pub const ALL: [Fault; 13] = [
    Fault::EdgeKilled,
    Fault::BothEdgesKilled,
    Fault::EdgesRolled,
    Fault::PostgresFrozen,
    Fault::PostgresCrashed,
    Fault::RedisFrozen,
    Fault::RedisCrashed,
    Fault::EdgeKilledWithoutPostgres,
    Fault::SettingsChanged,
    Fault::NoticeLost,
    Fault::DiskFull,
    Fault::ClockStepped,
    Fault::Calm,
];

/// Never ends.
pub struct Plan {
    dice: Dice,
    possible: Vec<Fault>,
    left: Vec<Fault>,
}

impl Plan {
    pub fn new(dice: &Dice, possible: Vec<Fault>) -> Self {
        Self { dice: dice.for_part(0xFA17), possible, left: Vec::new() }
    }

    pub fn next(&mut self) -> Fault {
        if self.left.is_empty() {
            self.left.clone_from(&self.possible);
            self.dice.shuffle(&mut self.left);
        }
        self.left.pop().unwrap_or(Fault::Calm)
    }
}

#[test]
fn a_plan_is_the_seeds_and_leaves_no_fault_out() {
    let begin = |seed| {
        let mut plan = Plan::new(&Dice::of(seed), ALL.to_vec());
        ALL.map(|_| plan.next())
    };
    assert_eq!(begin(1), begin(1));
    assert_ne!(begin(1), begin(2));
    assert!(ALL.iter().all(|fault| begin(3).contains(fault)));
}
