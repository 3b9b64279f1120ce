//! Forms: the same parts at any chunking, no other than another reader finds, and a change that says what it should.

use std::collections::BTreeSet;
use std::convert::Infallible;

use futures::FutureExt;
use futures::stream;
use keyward_domain::json_edit::Edit;
use keyward_domain::multipart::{Boundary, Form, FormError, FormScan, Part};
use serde_json::Value;

use super::{Target, first, owned};

pub const TARGET: Target = Target {
    name: "forms",
    run,
    seeds: || {
        owned(&[
            "\u{5}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\u{0}so\r\nund\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n",
            "\u{1}--b\r\nContent-Disposition: form-data; name=model\r\n\r\nx\r\n--b\r\ncontent-disposition: form-data;name=\"n\"\r\n\r\n3\r\n--b--",
            "\u{9}--b\r\nContent-Disposition: form-data; name=\"include[]\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"include[]\"\r\n\r\n\r\n--b--\r\n",
            "\u{5}--b\r\nContent-Disposition: form-data; naMe=\"file\"; filename=\"a; name=model\"\r\n\r\nx\r\n--b--\r\n",
        ])
    },
};

fn run(bytes: &[u8]) {
    let Some((size, form)) = first(bytes) else { return };
    let boundary = Boundary::of("multipart/form-data; boundary=b").expect("a sane one");
    let whole = scan(form, &boundary, usize::MAX);
    let pieces = scan(form, &boundary, size % 19 + 1);
    assert_eq!(whole.is_ok(), pieces.is_ok(), "the chunking makes a difference: {whole:?} {pieces:?}");
    let Ok(parts) = whole else { return };
    assert_eq!(Some(&parts), pieces.as_ref().ok(), "the chunking makes a difference");
    if let Some(others) = read_by_another(form) {
        let ours: Vec<_> =
            parts.iter().map(|part| (part.head.name.clone(), form[part.start..part.end].to_vec())).collect();
        assert_eq!(ours, others, "another reader finds other parts");
    }
    check_changed(form, &boundary);
}

fn scan(form: &[u8], boundary: &Boundary, chunk: usize) -> Result<Vec<Part>, FormError> {
    let mut scan = FormScan::new(boundary);
    for piece in form.chunks(chunk.min(form.len().max(1))) {
        scan.push(piece)?;
    }
    scan.finish()
}

/// `None` where it refuses, which an upstream may do as it likes.
fn read_by_another(form: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let body = stream::iter([Ok::<_, Infallible>(form.to_vec())]);
    let mut multipart = multer::Multipart::new(body, "b");
    let mut parts = Vec::new();
    loop {
        let Some(field) = multipart.next_field().now_or_never()?.ok()? else { return Some(parts) };
        let name = field.name()?.to_owned();
        parts.push((name, field.bytes().now_or_never()?.ok()?.to_vec()));
    }
}

fn check_changed(bytes: &[u8], boundary: &Boundary) {
    let read = BTreeSet::from(["model"]);
    let Ok(form) = Form::parse(bytes, boundary, &read) else { return };
    let Ok(before) = form.fields(&BTreeSet::new()) else { return };
    let Some(changed) = form.edited(&[Edit::set("/model", "\"other\"")]) else { return };
    let again = match Form::parse(&changed, boundary, &read) {
        // One field more than the edge itself would take.
        Err(FormError::TooManyParts) => return,
        again => again.expect("a changed form is a form"),
    };
    let mut after = again.fields(&BTreeSet::new()).expect("its fields can still be read");
    assert_eq!(after["model"], "other");
    let mut before = before;
    before["model"] = Value::Null;
    after["model"] = Value::Null;
    assert_eq!(before, after, "another field changed");
}
