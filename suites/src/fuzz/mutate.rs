//! Seeded mutations, for a run that is the same everywhere.

/// What parsers stumble over.
const WORDS: [&[u8]; 24] = [
    b"%2e",
    b"%2F",
    b"//",
    b"/../",
    b";",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"data:",
    b"\xef\xbb\xbf",
    b"\0",
    b"\\u0000",
    b"\"",
    b"{",
    b"]",
    b":",
    b"--b",
    b"--b--",
    b".",
    b"==",
    b"null",
    b"1e999",
    b"\xff",
    b"\\",
];

pub struct Mutations {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    pub fn of(seeds: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { seeds, state: seed | 1 }
    }

    /// xorshift64*: small, and good enough for choosing.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let word = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        usize::try_from(word).unwrap_or_default() % limit.max(1)
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (at, kind) = (self.below(bytes.len() + 1), self.below(6));
        let word = WORDS[self.below(WORDS.len())];
        match kind {
            0 | 1 => drop(bytes.splice(at..at, word.iter().copied())),
            2 => drop(bytes.splice(at..(at + self.below(8)).min(bytes.len()), [])),
            3 => {
                let other = self.seed();
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            _ if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap_or_default(),
            _ => bytes.push(u8::try_from(self.below(256)).unwrap_or_default()),
        }
    }
}

impl Iterator for Mutations {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        Some(bytes)
    }
}
