//! Runs the published vectors; prints what came of them as JSON.

use std::io::Write;

use keyward_suites::{aes_gcm, jws};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let figures = json!({ "aes_gcm": aes_gcm::run()?, "jws": jws::run()? });
    writeln!(std::io::stdout(), "{figures:#}")?;
    Ok(())
}
