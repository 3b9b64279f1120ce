//! Methods and templates, and what is known of each, arranged so that a call is compared with few of them.
//! Knows nothing of what it holds.

use crate::path::{PathTemplate, RequestPath};

#[derive(Clone, Debug)]
pub(crate) struct EndpointTable<T> {
    entries: Vec<Entry<T>>,
    /// Numbers of the entries whose template has as many segments.
    by_segments: Vec<Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    method: String,
    template: PathTemplate,
    known: T,
}

impl<T> Default for EndpointTable<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_segments: Vec::new() }
    }
}

impl<T> EndpointTable<T> {
    pub fn add(&mut self, method: &str, template: PathTemplate, known: T) {
        let count = template.segment_count();
        if self.by_segments.len() <= count {
            self.by_segments.resize_with(count + 1, Vec::new);
        }
        self.by_segments[count].push(self.entries.len());
        self.entries.push(Entry { method: method.to_owned(), template, known });
    }

    /// Of several that fit, the most specific; of equals, the one that was added last.
    pub fn find(&self, method: &str, path: &RequestPath) -> Option<(&T, &PathTemplate)> {
        let best = self.fitting(method, path).max_by(|one, other| one.template.more_specific(&other.template))?;
        Some((&best.known, &best.template))
    }

    /// Of several that fit, the one that was added first.
    pub fn first(&self, method: &str, path: &RequestPath) -> Option<&T> {
        self.fitting(method, path).next().map(|entry| &entry.known)
    }

    /// As they were added.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.known)
    }

    fn fitting(&self, method: &str, path: &RequestPath) -> impl Iterator<Item = &Entry<T>> {
        let alike = self.by_segments.get(path.segments().len()).map_or(&[][..], Vec::as_slice);
        let entries = alike.iter().map(|&at| &self.entries[at]);
        entries.filter(move |entry| entry.method == method && entry.template.fits(path))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_counts_and_of_equals_the_last_or_where_it_is_asked_for_the_first() {
        let templates = ["/a/{x}", "/a/b", "/{x}/b", "/a/b", "/a", "/a/{y}"];
        let mut table = EndpointTable::default();
        for (at, text) in templates.iter().enumerate() {
            table.add("GET", PathTemplate::parse(text).expect("a template"), at);
        }
        let path = |text: &str| RequestPath::parse(text).expect("a path");
        for (at, best, first) in [
            ("/a/b", Some(3), Some(0)),
            ("/a/c", Some(5), Some(0)),
            ("/c/b", Some(2), Some(2)),
            ("/a", Some(4), Some(4)),
            ("/c/d", None, None),
            ("/a/b/c", None, None),
        ] {
            assert_eq!(table.find("GET", &path(at)).map(|(known, _)| *known), best, "{at}");
            assert_eq!(table.first("GET", &path(at)).copied(), first, "{at}");
            assert_eq!(table.find("POST", &path(at)).map(|(known, _)| *known), None, "{at}");
        }
    }
}
