//! Follows a form as it streams by, at any chunking, and holds no more of it than one header or one boundary.

use memchr::memmem;

use super::{Boundary, FormError, MAX_HEAD_BYTES, MAX_PARTS, PartHead};

/// One part that has ended, and where its content is in the whole form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub head: PartHead,
    pub start: usize,
    pub end: usize,
}

pub struct FormScan {
    /// The boundary with its two hyphens: wherever it stands, a part must begin or end.
    delimiter: Vec<u8>,
    state: State,
    /// What can't be told yet.
    held: Vec<u8>,
    /// Where `held` begins.
    offset: usize,
    parts: Vec<Part>,
}

enum State {
    Opening,
    /// Behind a boundary: another part, or the end.
    Boundary,
    Head,
    Content {
        head: PartHead,
        start: usize,
    },
    Closed,
}

/// What one step made of the held bytes.
enum Progress {
    Took(usize, State),
    NeedsMore,
}

impl FormScan {
    pub fn new(boundary: &Boundary) -> Self {
        Self { delimiter: boundary.delimiter(), state: State::Opening, held: Vec::new(), offset: 0, parts: Vec::new() }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Result<(), FormError> {
        self.held.extend_from_slice(chunk);
        let mut taken = 0;
        loop {
            let state = std::mem::replace(&mut self.state, State::Closed);
            match self.step(state, taken)? {
                Some(length) => taken += length,
                None => break,
            }
        }
        // Of content, only what may be the beginning of a boundary, and the line break before it.
        if let State::Content { .. } = self.state {
            taken = taken.max(self.held.len().saturating_sub(self.delimiter.len() + 1));
        }
        self.held.drain(..taken);
        self.offset += taken;
        Ok(())
    }

    /// The parts, once the form is whole.
    pub fn finish(self) -> Result<Vec<Part>, FormError> {
        let is_over = matches!(self.state, State::Closed) && (self.held.is_empty() || self.held == b"\r\n");
        is_over.then_some(self.parts).ok_or(FormError::Unfinished)
    }

    /// How many of the held bytes behind `from` are done with; `None` when more must come.
    fn step(&mut self, state: State, from: usize) -> Result<Option<usize>, FormError> {
        let rest = &self.held[from..];
        let progress = match &state {
            State::Opening => opening(rest, &self.delimiter)?,
            State::Boundary => behind_boundary(rest, self.parts.len())?,
            State::Head => head(rest, self.offset + from)?,
            State::Content { head, start } => {
                // The held bytes begin at most a line break before what is new.
                match self.content_end(from)? {
                    None => Progress::NeedsMore,
                    Some(at) => {
                        let end = self.offset + at - 2;
                        if end < *start {
                            return Err(FormError::StrayBoundary);
                        }
                        self.parts.push(Part { head: head.clone(), start: *start, end });
                        Progress::Took(at + self.delimiter.len() - from, State::Boundary)
                    }
                }
            }
            State::Closed if rest.len() > 2 || !b"\r\n".starts_with(rest) => return Err(FormError::Epilogue),
            State::Closed => Progress::NeedsMore,
        };
        Ok(match progress {
            Progress::Took(length, next) => {
                self.state = next;
                Some(length)
            }
            Progress::NeedsMore => {
                self.state = state;
                None
            }
        })
    }

    /// Where the boundary begins that ends the content.
    fn content_end(&self, from: usize) -> Result<Option<usize>, FormError> {
        let Some(at) = memmem::find(&self.held[from..], &self.delimiter) else { return Ok(None) };
        let at = from + at;
        if at < 2 || &self.held[at - 2..at] != b"\r\n" {
            return Err(FormError::StrayBoundary);
        }
        Ok(Some(at))
    }
}

fn opening(rest: &[u8], delimiter: &[u8]) -> Result<Progress, FormError> {
    let common = rest.len().min(delimiter.len());
    if rest[..common] != delimiter[..common] {
        return Err(FormError::Preamble);
    }
    let is_whole = common == delimiter.len();
    Ok(if is_whole { Progress::Took(common, State::Boundary) } else { Progress::NeedsMore })
}

fn behind_boundary(rest: &[u8], parts: usize) -> Result<Progress, FormError> {
    match rest.get(..2) {
        None => Ok(Progress::NeedsMore),
        Some(b"--") => Ok(Progress::Took(2, State::Closed)),
        Some(b"\r\n") if parts == MAX_PARTS => Err(FormError::TooManyParts),
        Some(b"\r\n") => Ok(Progress::Took(2, State::Head)),
        Some(_) => Err(FormError::StrayBoundary),
    }
}

fn head(rest: &[u8], offset: usize) -> Result<Progress, FormError> {
    let Some(length) = memmem::find(rest, b"\r\n\r\n") else {
        // Of its end, all but the last byte may be here already.
        return if rest.len() > MAX_HEAD_BYTES + 3 { Err(FormError::HeadTooLarge) } else { Ok(Progress::NeedsMore) };
    };
    if length > MAX_HEAD_BYTES {
        return Err(FormError::HeadTooLarge);
    }
    let head = PartHead::parse(&rest[..length])?;
    Ok(Progress::Took(length + 4, State::Content { head, start: offset + length + 4 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(text: &[u8], sizes: &[usize]) -> Result<Vec<Part>, FormError> {
        let boundary = Boundary::of("multipart/form-data; boundary=b0und").expect("sane");
        let (mut scan, mut rest, mut turn) = (FormScan::new(&boundary), text, 0);
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(sizes[turn % sizes.len()].clamp(1, rest.len()));
            scan.push(chunk)?;
            (rest, turn) = (behind, turn + 1);
            assert!(scan.held.len() <= chunk.len() + MAX_HEAD_BYTES + 4, "holds {}", scan.held.len());
        }
        scan.finish()
    }

    fn form(fields: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, content) in fields {
            text.extend_from_slice(
                format!("--b0und\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(),
            );
            text.extend_from_slice(content);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"--b0und--\r\n");
        text
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        // Pieces of which a boundary is made, and never a whole one.
        let piece = prop_oneof![
            Just(b"\r\n--b0un".to_vec()),
            Just(b"\r\n--".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"-".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ];
        prop::collection::vec(piece, 0..12)
            .prop_map(|pieces| pieces.concat())
            .prop_filter("a boundary", |text| memmem::find(text, b"--b0und").is_none())
    }

    proptest! {
        #[test]
        fn finds_every_field_at_any_chunking(
            fields in prop::collection::vec(("[a-z]{1,8}", content()), 0..6),
            sizes in prop::collection::vec(1_usize..40, 1..6),
        ) {
            let text = form(&fields);
            let parts = scan(&text, &sizes).expect("a form");
            let found: Vec<(String, Vec<u8>)> =
                parts.into_iter().map(|part| (part.head.name, text[part.start..part.end].to_vec())).collect();
            prop_assert_eq!(found, fields);
        }

        #[test]
        fn no_bytes_make_it_panic_or_differ_by_chunking(
            text in prop::collection::vec(prop_oneof![
                Just(b"--b0und".to_vec()), Just(b"\r\n".to_vec()), Just(b"--".to_vec()),
                Just(b"Content-Disposition: form-data; name=\"a\"".to_vec()),
                prop::collection::vec(any::<u8>(), 0..4),
            ], 0..24).prop_map(|pieces| pieces.concat()),
            size in 1_usize..9,
        ) {
            prop_assert_eq!(scan(&text, &[size]).is_ok(), scan(&text, &[text.len().max(1)]).is_ok());
        }
    }

    #[test]
    fn refuses_a_form_that_two_could_read_in_two_ways() {
        let part = "--b0und\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
        let many = format!("{}--b0und--", format!("{part}x\r\n").repeat(MAX_PARTS + 1));
        let fat = format!("--b0und\r\nX: {}\r\n\r\nx\r\n--b0und--", "x".repeat(MAX_HEAD_BYTES));
        let endless = format!("--b0und\r\nX: {}", "x".repeat(2 * MAX_HEAD_BYTES));
        for (text, want) in [
            (format!("hello\r\n{part}x\r\n--b0und--"), FormError::Preamble),
            (format!("\r\n{part}x\r\n--b0und--"), FormError::Preamble),
            (format!("{part}x\n--b0und--"), FormError::StrayBoundary),
            (format!("{part}x--b0und--"), FormError::StrayBoundary),
            (format!("{part}x\r\n--b0undary--"), FormError::StrayBoundary),
            (format!("{part}x\r\n--b0und \r\n"), FormError::StrayBoundary),
            (format!("{part}--b0und--"), FormError::StrayBoundary),
            (format!("{part}x\r\n--b0und--\r\n{part}y\r\n--b0und--"), FormError::Epilogue),
            (format!("{part}x\r\n--b0und"), FormError::Unfinished),
            (format!("{part}x\r\n"), FormError::Unfinished),
            (String::new(), FormError::Unfinished),
            ("--b0und\r\n\r\n\r\nx\r\n--b0und--".to_owned(), FormError::Head),
            (many, FormError::TooManyParts),
            (fat, FormError::HeadTooLarge),
            (endless, FormError::HeadTooLarge),
        ] {
            for size in [1, 5, 10_000] {
                assert_eq!(scan(text.as_bytes(), &[size]).err(), Some(want), "{text} in pieces of {size}");
            }
        }
        assert_eq!(scan(b"--b0und--", &[3]), Ok(vec![]));
    }

    #[test]
    fn a_header_of_the_most_bytes_is_taken_at_any_chunking() {
        let head = "Content-Disposition: form-data; name=\"a\"\r\nX-Long: ";
        for (bytes, fits) in [(MAX_HEAD_BYTES, true), (MAX_HEAD_BYTES + 1, false)] {
            let text = format!("--b0und\r\n{head}{}\r\n\r\nx\r\n--b0und--\r\n", "y".repeat(bytes - head.len()));
            for size in [1, 2, 3, 5, 8_192] {
                assert_eq!(scan(text.as_bytes(), &[size]).is_ok(), fits, "{bytes} bytes, {size} at a time");
            }
        }
    }
}
