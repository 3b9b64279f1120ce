//! Starts an edge with proxies, says where as one line of JSON, and stops when its standard input ends.
//! Arguments are settings of the edge: `KEYWARD_CONNECTIONS_PER_ADDRESS=5000`.

use std::io::{Read, Write};

use anyhow::Context;
use keyward_suites::stand::Stand;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = std::env::args().skip(1).map(|setting| {
        let (name, value) = setting.split_once('=').context("a setting is NAME=VALUE")?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let settings = settings.collect::<anyhow::Result<Vec<_>>>()?;
    let stand = Stand::start(&["openai", "anthropic", "gemini"], &settings).await?;
    writeln!(std::io::stdout(), "{}", stand.description())?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
