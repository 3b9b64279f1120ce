//! The HTML document around the app: what is in it never changes after the server sent it.

use std::sync::OnceLock;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::{App, theme};

pub fn shell(options: LeptosOptions) -> impl IntoView {
    let start = start_script(&options);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::chosen()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <leptos_meta::HashedStylesheet options=options id="styles"/>
                <script type="module" nonce=use_nonce()>{start}</script>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// Fetches script and WebAssembly side by side. leptos's own script preloads the latter with a link, about which a
/// browser without JavaScript complains.
fn start_script(options: &LeptosOptions) -> String {
    static NAMES: OnceLock<(String, String)> = OnceLock::new();
    let (script, wasm) = NAMES.get_or_init(|| (built_name(options, "js"), built_name(options, "wasm")));
    let folder = &options.site_pkg_dir;
    format!(
        "const wasm = fetch('/{folder}/{wasm}');\
         import('/{folder}/{script}').then(app => app.default({{ module_or_path: wasm }}).then(() => app.hydrate()));"
    )
}

/// `keyward.js`, or with the hash that the build listed beside this program: `keyward.1a2b3c.js`.
fn built_name(options: &LeptosOptions, kind: &str) -> String {
    let name = &options.output_name;
    let list = options
        .hash_files
        .then(|| std::env::current_exe().ok()?.parent()?.join(options.hash_file.as_ref()).into())
        .flatten();
    let list = list.and_then(|path: std::path::PathBuf| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let hash = list.lines().filter_map(|line| line.split_once(':')).find(|(listed, _)| listed.trim() == kind);
    match hash {
        Some((_, hash)) => format!("{name}.{}.{kind}", hash.trim()),
        None => format!("{name}.{kind}"),
    }
}
