//! A small part of what `make suites ONLY=fuzz` does for minutes, the same in every run.

use std::panic::catch_unwind;

use keyward_suites::fuzz::{Mutations, TARGETS, Target};

const MUTATIONS: usize = 4_000;

#[test]
fn no_fuzz_target_fails_on_its_seeds_or_on_thousands_of_mutations() {
    let failures: Vec<_> = TARGETS.iter().filter_map(|target| Some((target.name, first_failure(target)?))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

fn first_failure(target: &Target) -> Option<String> {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has seeds", target.name);
    let fails = |bytes: &Vec<u8>| catch_unwind(|| (target.run)(bytes)).is_err();
    let failed = seeds.clone().into_iter().chain(Mutations::of(seeds, 7).take(MUTATIONS)).find(fails)?;
    Some(failed.escape_ascii().to_string())
}
