//! What was measured: by section and system, medians of the rounds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Default)]
pub struct Figures {
    sections: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Figures {
    pub fn set(&mut self, section: &str, name: &str, value: f64) {
        self.sections.entry(section.to_owned()).or_default().insert(name.to_owned(), value);
    }

    pub fn get(&self, section: &str, name: &str) -> Option<f64> {
        self.sections.get(section)?.get(name).copied()
    }

    pub fn json(&self) -> Value {
        let rounded = |figures: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
            figures.iter().map(|(name, value)| (name.clone(), (value * 1_000.0).round() / 1_000.0)).collect()
        };
        json!(self.sections.iter().map(|(name, figures)| (name, rounded(figures))).collect::<BTreeMap<_, _>>())
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}
