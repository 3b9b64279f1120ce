//! The last word to a client of HTTP/2: the library's GOAWAY, under the code that the standard has for what was wrong, where
//! that is known. Changes nothing else, and nothing at all while nothing is known to be wrong.

use crate::frame_faults::Fault;

/// The library's, up to the last stream's number: without more data, of no stream.
const GOAWAY: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
const LAST_STREAM_BYTES: usize = 4;
const PROTOCOL_ERROR: [u8; 4] = [0, 0, 0, 1];

/// Once it was said nothing follows but its rest.
#[derive(Default)]
pub struct LastWord(Option<Fault>);

impl LastWord {
    /// What to write in place of these bytes, if they end with it. Nothing is ever written behind it.
    pub fn instead_of(&mut self, bytes: &[u8], fault: Option<Fault>) -> Option<Vec<u8>> {
        if self.0.is_none() && ends_with_goaway(bytes) {
            self.0 = fault;
        }
        let code = (self.0? as u32).to_be_bytes();
        let (kept, replaced) = bytes.split_at(bytes.len().saturating_sub(code.len()));
        Some([kept, &code[code.len() - replaced.len()..]].concat())
    }
}

fn ends_with_goaway(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_suffix(&PROTOCOL_ERROR) else { return false };
    rest.len().checked_sub(LAST_STREAM_BYTES).is_some_and(|end| rest[..end].ends_with(&GOAWAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goaway(code: u32) -> Vec<u8> {
        [&GOAWAY[..], &7_u32.to_be_bytes(), &code.to_be_bytes()].concat()
    }

    #[test]
    fn the_code_is_told_however_little_is_written_at_a_time() {
        let (said, meant) = ([b"before", &goaway(1)[..]].concat(), [b"before", &goaway(6)[..]].concat());
        for written in 1..=said.len() {
            let (mut word, mut wire) = (LastWord::default(), Vec::new());
            while wire.len() < said.len() {
                let rest = word.instead_of(&said[wire.len()..], Some(Fault::FrameSize)).expect("another word");
                wire.extend_from_slice(&rest[..written.min(rest.len())]);
            }
            assert_eq!(wire, meant, "{written}");
        }
    }

    #[test]
    fn other_words_are_left_as_they_are() {
        let farewell = goaway(0);
        let calm_down = goaway(11);
        let explained = [&goaway(1)[..], b"why"].concat();
        for bytes in [&farewell[..], &calm_down, &explained, &PROTOCOL_ERROR, b""] {
            assert_eq!(LastWord::default().instead_of(bytes, Some(Fault::FrameSize)), None);
        }
        assert_eq!(LastWord::default().instead_of(&goaway(1), None), None);
    }
}
