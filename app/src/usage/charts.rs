//! Draws a UsageView's buckets as SVG, on the server only. Colors are the style sheet's: the picture carries marker
//! colors that it maps to the theme.

use charts_rs::{BarChart, Color, LegendCategory, Series};
use keyward_domain::view::{ChartSvg, UsageBucket, UsageRange, UsageTotals, UsageView};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::ui::format::{count, micro_usd};

/// Narrow, so that the words can still be read on a phone.
const WIDTH: f32 = 400.0;
const HEIGHT: f32 = 180.0;
const FONT_SIZE: f32 = 11.0;
const AXIS_STEPS: usize = 4;
/// What the style sheet looks for: `.chart-picture [fill="#101010"]` and so on.
const MAIN: (u8, u8, u8) = (0x10, 0x10, 0x10);
const SECOND: (u8, u8, u8) = (0x20, 0x20, 0x20);
const TEXT: (u8, u8, u8) = (0x30, 0x30, 0x30);
const LINE: (u8, u8, u8) = (0x40, 0x40, 0x40);

/// With every picture that shows something. Requests and errors always do: none is news too.
pub fn drawn(usage: UsageView) -> UsageView {
    let has_tokens = usage.total.input_tokens + usage.total.output_tokens > 0;
    let has_cost = usage.total.cost_micro_usd > 0;
    let tokens = has_tokens.then(|| tokens(&usage)).flatten();
    let cost = has_cost.then(|| cost(&usage)).flatten();
    let charts = [requests(&usage), errors(&usage), tokens, cost].into_iter().flatten().collect();
    UsageView { charts, ..usage }
}

/// With the pictures that a summary shows.
pub fn summary(usage: UsageView) -> UsageView {
    let charts = [requests(&usage), errors(&usage)].into_iter().flatten().collect();
    UsageView { charts, ..usage }
}

fn requests(usage: &UsageView) -> Option<ChartSvg> {
    let bars = vec![bars("Requests", usage, |totals| totals.requests as f32)];
    let description =
        format!("Requests: {} in all. {}", count(usage.total.requests), peak(usage, |totals| totals.requests));
    picture("Requests", description, bars, usage)
}

fn errors(usage: &UsageView) -> Option<ChartSvg> {
    let bars = vec![bars("Errors", usage, |totals| totals.errors as f32)];
    let description = format!("Errors: {} in all. {}", count(usage.total.errors), peak(usage, |totals| totals.errors));
    picture("Errors", description, bars, usage)
}

fn tokens(usage: &UsageView) -> Option<ChartSvg> {
    let stacked = |name: &str, pick: fn(&UsageTotals) -> f32| Series {
        stack: Some("tokens".to_owned()),
        ..bars(name, usage, pick)
    };
    let bars = vec![
        stacked("\u{a0}Input\u{a0}\u{a0}", |totals| totals.input_tokens as f32),
        stacked("\u{a0}Output", |totals| totals.output_tokens as f32),
    ];
    let description = format!(
        "Tokens: {} input and {} output in all.",
        count(usage.total.input_tokens),
        count(usage.total.output_tokens)
    );
    picture("Tokens", description, bars, usage)
}

/// In a unit in which the highest bar is a readable number.
fn cost(usage: &UsageView) -> Option<ChartSvg> {
    let highest = usage.buckets.iter().map(|bucket| bucket.totals.cost_micro_usd).max().unwrap_or(0);
    let (title, unit_micro_usd) = match highest {
        ..10_000 => ("Cost (millionths of a US dollar)", 1.0),
        10_000..1_000_000 => ("Cost (US cents)", 10_000.0),
        1_000_000.. => ("Cost (US dollars)", 1_000_000.0),
    };
    let bars = vec![bars("Cost", usage, |totals| totals.cost_micro_usd as f32 / unit_micro_usd)];
    let description = format!("Cost: {} in all.", micro_usd(usage.total.cost_micro_usd));
    picture(title, description, bars, usage)
}

fn bars(name: &str, usage: &UsageView, pick: impl Fn(&UsageTotals) -> f32) -> Series {
    Series::new(name.to_owned(), usage.buckets.iter().map(|bucket| pick(&bucket.totals)).collect())
}

fn peak(usage: &UsageView, pick: impl Fn(&UsageTotals) -> i64) -> String {
    let highest = usage.buckets.iter().max_by_key(|bucket| pick(&bucket.totals));
    match highest {
        Some(bucket) if pick(&bucket.totals) > 0 => {
            format!("Most at {}: {}.", label(bucket, usage.range), count(pick(&bucket.totals)))
        }
        Some(_) | None => String::new(),
    }
}

/// `None` if the picture can't be drawn: the figures beside it are there all the same.
fn picture(title: &str, description: String, series: Vec<Series>, usage: &UsageView) -> Option<ChartSvg> {
    let labels = usage.buckets.iter().map(|bucket| label(bucket, usage.range)).collect();
    let has_legend = series.len() > 1;
    let top = axis_top(highest(&series));
    let mut chart = BarChart::new(series, labels);
    chart.width = WIDTH;
    chart.height = HEIGHT;
    chart.background_color = Color::transparent();
    chart.font_family = "system-ui, sans-serif".to_owned();
    chart.series.colors = vec![MAIN.into(), SECOND.into()];
    chart.legend.show = Some(has_legend);
    chart.legend.category = LegendCategory::Rect;
    chart.legend.font.color = TEXT.into();
    chart.legend.font.size = FONT_SIZE;
    chart.x_axis.font.color = TEXT.into();
    chart.x_axis.font.size = FONT_SIZE;
    chart.x_axis.stroke_color = LINE.into();
    chart.grid.stroke_color = LINE.into();
    chart.radius = Some(2.0);
    for axis in &mut chart.y_axis_configs {
        axis.font.color = TEXT.into();
        axis.font.size = FONT_SIZE;
        axis.split_number = AXIS_STEPS;
        axis.min = Some(0.0);
        axis.max = Some(top);
    }
    match chart.svg() {
        Ok(svg) => Some(ChartSvg { title: title.to_owned(), description, svg }),
        Err(error) => {
            tracing::warn!(%error, title, "a chart could not be drawn");
            None
        }
    }
}

/// Of the bars, or of the stacks where they stand on one another.
fn highest(series: &[Series]) -> f32 {
    let buckets = series.iter().map(|series| series.data.len()).max().unwrap_or(0);
    let stack =
        |index: usize| series.iter().filter_map(|series| series.data.get(index).copied().flatten()).sum::<f32>();
    (0..buckets).map(stack).fold(0.0, f32::max)
}

/// The end of an axis whose steps are 1, 2 or 5 times a power of ten: whole numbers, since half a request is none.
fn axis_top(highest: f32) -> f32 {
    let steps = AXIS_STEPS as f32;
    let mut unit = 1.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if highest <= unit * factor * steps {
                return unit * factor * steps;
            }
        }
        unit *= 10.0;
    }
}

fn label(bucket: &UsageBucket, range: UsageRange) -> String {
    let at: OffsetDateTime = bucket.starts_at.to_offset(time::UtcOffset::UTC);
    let text = match range {
        UsageRange::Day => at.format(format_description!("[hour]:00")),
        UsageRange::Week | UsageRange::Month => at.format(format_description!("[month repr:short] [day padding:none]")),
    };
    text.expect("the format has only parts every time has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_a_round_number_above_the_highest_bar() {
        for (highest, want) in [(0.0, 4.0), (1.0, 4.0), (5.0, 8.0), (13.0, 20.0), (840.0, 2_000.0)] {
            assert!((axis_top(highest) - want).abs() < 0.001, "{highest}: {}", axis_top(highest));
        }
    }

    #[test]
    fn draws_only_what_there_is_and_says_it_in_words() {
        let total = UsageTotals { requests: 3, errors: 1, ..UsageTotals::default() };
        let bucket = UsageBucket { starts_at: OffsetDateTime::UNIX_EPOCH, totals: total };
        let usage = UsageView {
            range: UsageRange::Day,
            buckets: vec![bucket],
            total,
            top_users: vec![],
            recent: vec![],
            charts: vec![],
        };
        let charts = drawn(usage).charts;
        assert_eq!(charts.iter().map(|chart| chart.title.as_str()).collect::<Vec<_>>(), ["Requests", "Errors"]);
        assert_eq!(charts[0].description, "Requests: 3 in all. Most at 00:00: 3.");
        assert!(charts[0].svg.starts_with("<svg") && !charts[0].svg.contains(" style="), "{}", charts[0].svg);
    }
}
