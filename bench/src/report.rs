//! The figures as they are kept and read: `bench.json`, a table on the terminal, and the page under `docs/`.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use crate::config::Config;
use crate::figures::Figures;
use crate::machine;

const SYSTEMS: [&str; 4] = ["direct", "nginx", "envoy", "keyward"];
const COLUMNS: [(&str, &str); 5] = [
    ("rps_c32", "requests/s, 32 callers"),
    ("cpu_us_per_request", "CPU µs a request"),
    ("p50_us_c1", "p50 µs, 1 caller"),
    ("p99_us", "p99 µs at half load"),
    ("rss_mb", "resident MB"),
];

pub fn write(config: &Config, figures: &Figures) -> anyhow::Result<()> {
    let name = machine::name();
    let mut document = figures.json();
    document["machine"] = json!(name);
    document["is_quick"] = json!(config.pace.is_quick);
    std::fs::write(config.out.with_extension("json"), format!("{document:#}\n"))?;
    let text = format!("{}\n{}", systems(figures), ratios(figures));
    eprintln!("{text}");
    match &config.page {
        Some(page) => fill(page, &format!("Machine: {name}.\n\n{text}")),
        None => Ok(()),
    }
}

fn systems(figures: &Figures) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|(_, title)| *title).collect();
    let mut text = format!("| | {} |\n|---|{}\n", titles.join(" | "), "---:|".repeat(titles.len()));
    for system in SYSTEMS {
        let cells = COLUMNS.iter().map(|(name, _)| figures.get(system, name).map_or("–".to_owned(), number));
        // Writing into a String does not fail.
        let _ = writeln!(text, "| {system} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

fn ratios(figures: &Figures) -> String {
    let document = figures.json();
    let mut text = "| section | figure | value |\n|---|---|---:|\n".to_owned();
    let sections = document.as_object().into_iter().flatten();
    for (section, figures) in sections.filter(|(section, _)| !SYSTEMS.contains(&section.as_str())) {
        for (name, value) in figures.as_object().into_iter().flatten() {
            let _ = writeln!(text, "| {section} | {name} | {} |", number(value.as_f64().unwrap_or(f64::NAN)));
        }
    }
    text
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Only what stands between the two marks is this program's.
fn fill(page: &Path, figures: &str) -> anyhow::Result<()> {
    const MARKS: (&str, &str) = ("<!-- figures -->", "<!-- end of figures -->");
    let text = std::fs::read_to_string(page).with_context(|| format!("{} can't be read", page.display()))?;
    let (before, rest) = text.split_once(MARKS.0).context("the page has no place for figures")?;
    let (_, after) = rest.split_once(MARKS.1).context("the page has no end of its figures")?;
    std::fs::write(page, format!("{before}{}\n{figures}\n{}{after}", MARKS.0, MARKS.1))?;
    Ok(())
}
