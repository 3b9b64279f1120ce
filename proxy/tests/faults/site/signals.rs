//! Signals to processes by their number.

use std::process::Command;

pub fn send(signal: &str, process: u32) {
    // One that is gone meanwhile needs no signal.
    let _ = Command::new("kill").args(["-s", signal, &process.to_string()]).status();
}

/// Of a process, its children (Linux, proc(5)).
pub fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()).collect()
}
