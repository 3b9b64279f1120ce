//! Published vectors, of which none may be forgotten and none may surprise.

use keyward_suites::{aes_gcm, jws};

#[test]
fn sealing_agrees_with_every_wycheproof_vector_of_its_sizes() {
    let outcome = aes_gcm::run().expect("the vectors are there");
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(outcome.valid_accepted + outcome.invalid_refused, 66);
    assert_eq!(outcome.count_by_policy() + 66, outcome.vectors);
}

#[test]
fn no_invalid_token_of_wycheproof_is_accepted_and_each_valid_one_unless_a_policy_refuses_it() {
    let outcome = jws::run().expect("the vectors are there");
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(outcome.vectors, 401 + 26 + 83);
    assert_eq!((outcome.valid_accepted, outcome.invalid_refused), (25, 451));
    let reasons: Vec<_> =
        outcome.by_policy.iter().map(|policy| (policy.vectors.len(), policy.reason.as_str())).collect();
    assert_eq!(reasons.len(), 12, "{reasons:#?}");
}
