//! Writes the seeds of every fuzz target below the folder that is named, a folder for each target.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use keyward_suites::fuzz::TARGETS;

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("usage: seeds FOLDER")?);
    for target in TARGETS {
        let corpus = folder.join(target.name);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
