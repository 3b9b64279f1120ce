//! What a process holds when nothing is asked of it: after each round about as much as after its first.

use std::collections::HashMap;

use crate::site::Held;

/// Connections to Postgres and Redis come and go, and a few to providers are kept open for the next call.
const MORE_DESCRIPTORS: usize = 64;
/// Caches fill up to their bounds; an allocator gives back late.
const MORE_RESIDENT_KIB: u64 = 48 << 10;

#[derive(Default)]
pub struct Levels(HashMap<u32, Held>);

impl Levels {
    pub fn judge(&mut self, held: Held) -> Vec<String> {
        let first = *self.0.entry(held.process).or_insert(held);
        let mut wrong = Vec::new();
        if held.descriptors > first.descriptors + MORE_DESCRIPTORS {
            wrong.push(format!(
                "{} descriptors are open in quiet, {} were at first",
                held.descriptors, first.descriptors
            ));
        }
        if held.resident_kib > first.resident_kib + first.resident_kib / 2 + MORE_RESIDENT_KIB {
            wrong
                .push(format!("{} KiB are resident in quiet, {} were at first", held.resident_kib, first.resident_kib));
        }
        wrong
    }
}

#[test]
fn a_process_that_grows_is_named_and_another_one_begins_anew() {
    let held = |process, descriptors, resident_kib| Held { process, descriptors, resident_kib };
    let mut levels = Levels::default();
    assert!(levels.judge(held(1, 20, 50_000)).is_empty());
    assert!(levels.judge(held(1, 60, 90_000)).is_empty());
    assert_eq!(levels.judge(held(1, 120, 190_000)).len(), 2);
    assert!(levels.judge(held(2, 120, 190_000)).is_empty());
}
