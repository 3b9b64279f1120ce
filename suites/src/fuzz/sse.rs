//! The reader of event streams: no byte lost, no difference by chunking, and the events that a client would see
//! (WHATWG HTML, "Interpreting an event stream").

use keyward_domain::sse::{Cut, SseSplitter, data};

use super::{Target, first, owned};

pub const TARGET: Target = Target {
    name: "sse",
    run,
    seeds: || {
        owned(&[
            "\u{1}data: {\"a\":1}\n\ndata: [DONE]\n\n",
            "\u{3}event: message_start\r\ndata: a\r\ndata: b\r\n\r\n: comment\r\n\r\n",
            "\u{7}\u{feff}data:x\r\rdata\r\rid: 1\r",
            "\u{7}data:x\r\r\u{feff}\r\u{feff}data:y\r\r",
            "\u{1}x\r\n\r\n\u{feff}data: y\r\r\n",
        ])
    },
};

/// Small, so that oversized events happen.
const CAP_BYTES: usize = 256;

fn run(bytes: &[u8]) {
    let Some((size, stream)) = first(bytes) else { return };
    let whole = cut(stream, usize::MAX);
    let pieces = cut(stream, size % 17 + 1);
    for cuts in [&whole, &pieces] {
        let all: Vec<u8> = cuts.iter().flat_map(|cut| cut.clone().into_bytes()).collect();
        assert_eq!(all, stream, "a byte was lost or added");
    }
    if stream.len() <= CAP_BYTES {
        assert_eq!(events(&whole), seen_by_client(stream), "a client sees other events");
        assert_eq!(events(&whole), events(&pieces), "the chunking makes a difference");
    }
}

/// The last one is what was left at the end.
fn cut(stream: &[u8], chunk: usize) -> Vec<Cut> {
    let mut splitter = SseSplitter::with_cap(CAP_BYTES);
    let mut cuts = Vec::new();
    for piece in stream.chunks(chunk.min(stream.len().max(1))) {
        splitter.push(piece);
        cuts.extend(std::iter::from_fn(|| splitter.next_cut()));
    }
    cuts.push(Cut::Oversized(splitter.take_rest()));
    cuts
}

fn events(cuts: &[Cut]) -> Vec<String> {
    let read = |cut: &Cut| match cut {
        Cut::Event(event) => data(event).map(std::borrow::Cow::into_owned),
        Cut::Oversized(_) => None,
    };
    cuts.iter().filter_map(read).collect()
}

/// As the standard says it, line by line; but a byte order mark is passed over before any event, not the first alone.
fn seen_by_client(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).into_owned();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // What follows the last line end is no line.
    let Some((lines, _)) = text.rsplit_once('\n') else { return Vec::new() };
    let (mut seen, mut data, mut has_data, mut is_first) = (Vec::new(), String::new(), false, true);
    for line in lines.split('\n') {
        let is_blank = line.is_empty();
        let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        // A line of nothing but the mark is not the end of an event, and what follows it is not the first.
        is_first = is_blank;
        if line.is_empty() {
            if has_data {
                data.pop();
                seen.push(std::mem::take(&mut data));
            }
            has_data = false;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
            data.push('\n');
            has_data = true;
        }
    }
    seen
}
