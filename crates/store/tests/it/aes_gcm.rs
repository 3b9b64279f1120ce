//! The cipher under sealing, against Project Wycheproof's vectors (see ../vectors/README.md).

use keyward_store::sealing::{decrypt, encrypt};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    number_of_tests: usize,
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    tc_id: u32,
    key: String,
    iv: String,
    aad: String,
    msg: String,
    ct: String,
    tag: String,
    result: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).expect("the vectors are hexadecimal")
}

#[test]
fn agrees_with_every_wycheproof_vector() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../vectors/aes_256_gcm.json")).expect("the file is valid");
    let cases: Vec<Case> = vectors.test_groups.into_iter().flat_map(|group| group.tests).collect();
    assert_eq!(cases.len(), vectors.number_of_tests);
    assert!(cases.iter().any(|case| case.result == "invalid"));
    for case in cases {
        let key: [u8; 32] = bytes(&case.key).try_into().expect("256 bits");
        let nonce: [u8; 12] = bytes(&case.iv).try_into().expect("96 bits");
        let (aad, message) = (bytes(&case.aad), bytes(&case.msg));
        let sealed = [bytes(&case.ct), bytes(&case.tag)].concat();
        let opened = decrypt(&key, &nonce, &sealed, &aad);
        if case.result == "valid" {
            assert_eq!(opened.as_deref(), Some(&message), "case {} opens", case.tc_id);
            assert_eq!(encrypt(&key, &nonce, &message, &aad), sealed, "case {} seals", case.tc_id);
        } else {
            assert!(opened.is_none(), "case {} must not open", case.tc_id);
        }
    }
}
