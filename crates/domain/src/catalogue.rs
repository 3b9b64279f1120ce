//! The providers we know, one reviewed JSON file each under `catalogue/`.

use std::sync::LazyLock;

use crate::provider::Provider;

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    [
        include_str!("../catalogue/openai.json"),
        include_str!("../catalogue/anthropic.json"),
        include_str!("../catalogue/gemini.json"),
        include_str!("../catalogue/custom.json"),
    ]
    .iter()
    .map(|text| serde_json::from_str(text).expect("the catalogue is valid: a test reads every file"))
    .collect()
});

pub fn providers() -> &'static [Provider] {
    &PROVIDERS
}

pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}
