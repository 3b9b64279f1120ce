//! Which streams of an HTTP/2 connection the client may still send on, as far back as a fixed room goes. Knows numbers
//! only; whether the edge answered or reset a stream is the HTTP library's.

/// Of streams that the client left open, so many are known; of older ones nothing is said.
const KEPT: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The client may send on it; or it begins now.
    Open,
    /// The client ended it, or took it back.
    Ended,
    /// Never opened, no client's, or too long ago.
    Unknown,
}

#[derive(Default)]
pub struct ClientStreams {
    /// From here on all of the client's numbers were used, and it is known what became of each.
    known_from: u32,
    newest: u32,
    /// Ascending.
    open: [u32; KEPT],
    count: usize,
}

impl ClientStreams {
    /// A head, or fields behind a body.
    pub fn head(&mut self, stream: u32, is_last: bool) -> Standing {
        if stream <= self.newest || stream.is_multiple_of(2) {
            return self.part(stream, is_last);
        }
        if stream != self.newest + 2 {
            self.known_from = stream;
        }
        self.newest = stream;
        if !is_last {
            self.keep(stream);
        }
        Standing::Open
    }

    /// More of a stream that was begun before.
    pub fn part(&mut self, stream: u32, is_last: bool) -> Standing {
        match self.position(stream) {
            Some(at) => {
                if is_last {
                    self.forget(at);
                }
                Standing::Open
            }
            None if (self.known_from..=self.newest).contains(&stream) && !stream.is_multiple_of(2) => Standing::Ended,
            None => Standing::Unknown,
        }
    }

    pub fn taken_back(&mut self, stream: u32) {
        if let Some(at) = self.position(stream) {
            self.forget(at);
        }
    }

    fn position(&self, stream: u32) -> Option<usize> {
        self.open[..self.count].iter().position(|open| *open == stream)
    }

    fn keep(&mut self, stream: u32) {
        if self.count == KEPT {
            self.known_from = self.known_from.max(self.open[0] + 2);
            self.forget(0);
        }
        self.open[self.count] = stream;
        self.count += 1;
    }

    fn forget(&mut self, at: usize) {
        self.open.copy_within(at + 1..self.count, at);
        self.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_ended_is_told_from_what_it_never_opened() {
        let mut streams = ClientStreams::default();
        assert_eq!(streams.head(1, false), Standing::Open);
        assert_eq!(streams.part(1, false), Standing::Open);
        assert_eq!(streams.head(1, true), Standing::Open, "fields behind the body");
        assert_eq!(streams.part(1, true), Standing::Ended);
        assert_eq!(streams.head(1, true), Standing::Ended);
        assert_eq!(streams.head(2, true), Standing::Unknown, "no client's number");
        assert_eq!(streams.part(3, true), Standing::Unknown, "nothing came before");
        assert_eq!(streams.head(3, false), Standing::Open);
        streams.taken_back(3);
        assert_eq!(streams.head(3, true), Standing::Ended);
        assert_eq!(streams.head(9, true), Standing::Open, "numbers may be left out");
        assert_eq!(streams.head(7, true), Standing::Unknown, "and must not be used later");
        assert_eq!(streams.head(9, true), Standing::Ended);
    }

    #[test]
    fn streams_that_are_left_open_are_forgotten_from_the_oldest_on_and_never_mistaken() {
        let mut streams = ClientStreams::default();
        let numbers = || (1..=401).step_by(2);
        for stream in numbers() {
            assert_eq!(streams.head(stream, stream % 3 == 0), Standing::Open);
        }
        for stream in numbers() {
            let known = streams.part(stream, false);
            let truth = if stream % 3 == 0 { Standing::Ended } else { Standing::Open };
            assert!(known == truth || known == Standing::Unknown, "{stream}: {known:?}");
            assert!(stream < 310 || known == truth, "{stream} is not long ago");
        }
    }
}
